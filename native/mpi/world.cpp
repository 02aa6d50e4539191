// The processes that "mpirun" started, as promises. One thread makes every call of MPI, so MPI_THREAD_FUNNELED
// suffices, and Node's event loop never waits. Collectives are started without blocking and then tested: a process that
// waits sleeps, where MPI's own waiting would take a whole core from the others.
#include <dlfcn.h>
#define OMPI_SKIP_MPICXX 1  // its C++ classes, which nobody uses, and their warnings
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <napi.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

// Work for MPI's thread, and what becomes of its promise.
struct Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise::Deferred deferred;
  std::function<void()> work;
  std::function<Napi::Value(Napi::Env)> result = [](Napi::Env env) { return env.Undefined(); };
  // buffers that the work reads and writes
  std::vector<Napi::ObjectReference> held;
  std::string error;
};

struct MpiError {
  std::string message;
};

void check(int code) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError{std::string(text, length)};
}

// Short exchanges are over within microseconds; waiting for another process's work may take minutes.
void wait(MPI_Request request) {
  for (int tries = 0;; tries++) {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (done) return;
    if (tries > 20000) std::this_thread::sleep_for(std::chrono::microseconds(500));
    else if (tries > 2000) std::this_thread::sleep_for(std::chrono::microseconds(20));
    else std::this_thread::yield();
  }
}

class Thread {
 public:
  explicit Thread(Napi::Env env) {
    done_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "MPI", 0, 1);
    done_.Unref(env);
    thread_ = std::thread([this] { loop(); });
    thread_.detach();
  }

  // While work is under way the event loop stays alive.
  void add(Napi::Env env, std::unique_ptr<Job> job) {
    if (pending_++ == 0) done_.Ref(env);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

 private:
  void loop() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      Job* job = jobs_.front().release();
      jobs_.pop_front();
      lock.unlock();
      try {
        job->work();
      } catch (const MpiError& error) {
        job->error = error.message.empty() ? "unknown error of MPI" : error.message;
      }
      done_.BlockingCall(job, [this](Napi::Env env, Napi::Function, Job* finished) {
        std::unique_ptr<Job> own(finished);
        if (--pending_ == 0) done_.Unref(env);
        if (!own->error.empty()) own->deferred.Reject(Napi::Error::New(env, own->error).Value());
        else own->deferred.Resolve(own->result(env));
      });
    }
  }

  Napi::ThreadSafeFunction done_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> jobs_;
  int pending_ = 0;
};

// Never destroyed: its thread may wait within MPI when the program ends.
Thread* thread_ = nullptr;

Napi::Value submit(const Napi::CallbackInfo& info, std::unique_ptr<Job> job) {
  Napi::Env env = info.Env();
  if (thread_ == nullptr) thread_ = new Thread(env);
  Napi::Value promise = job->deferred.Promise();
  thread_->add(env, std::move(job));
  return promise;
}

// Node loads addons for themselves alone, and plug-ins of Open MPI need the symbols of libmpi.
void openForPlugins() {
  Dl_info library;
  if (dladdr(reinterpret_cast<void*>(&MPI_Init_thread), &library) != 0 && library.dli_fname != nullptr) {
    dlopen(library.dli_fname, RTLD_NOW | RTLD_GLOBAL);
  }
}

struct Facts {
  int rank = 0;
  int size = 1;
  std::string host;
  std::string library;
};

Napi::Value Init(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  auto facts = std::make_shared<Facts>();
  job->work = [facts] {
    openForPlugins();
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided));
    if (provided < MPI_THREAD_FUNNELED) throw MpiError{"this MPI does not allow threads in its processes"};
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    check(MPI_Comm_rank(MPI_COMM_WORLD, &facts->rank));
    check(MPI_Comm_size(MPI_COMM_WORLD, &facts->size));
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    check(MPI_Get_processor_name(text, &length));
    facts->host.assign(text, length);
    check(MPI_Get_library_version(text, &length));
    facts->library.assign(text, length);
    facts->library = facts->library.substr(0, facts->library.find_first_of(std::string(",\n\0", 3)));
  };
  job->result = [facts](Napi::Env env) -> Napi::Value {
    Napi::Object result = Napi::Object::New(env);
    result.Set("rank", facts->rank);
    result.Set("size", facts->size);
    result.Set("host", facts->host);
    result.Set("library", facts->library);
    return result;
  };
  return submit(info, std::move(job));
}

Napi::Value Finalize(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  job->work = [] { check(MPI_Finalize()); };
  return submit(info, std::move(job));
}

// broadcast(bytes: Uint8Array, root): the root's bytes, in everybody's array of the same length
Napi::Value Broadcast(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  const int root = info[1].As<Napi::Number>().Int32Value();
  job->held.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
  uint8_t* data = bytes.Data();
  const int length = static_cast<int>(bytes.ByteLength());
  job->work = [data, length, root] {
    MPI_Request request;
    check(MPI_Ibcast(data, length, MPI_BYTE, root, MPI_COMM_WORLD, &request));
    wait(request);
  };
  return submit(info, std::move(job));
}

struct Part {
  std::vector<int> counts;
  std::vector<int> starts;
};

// Counts of consecutive parts; Int32Array.
Part partOf(const Napi::Value& value) {
  Napi::Int32Array counts = value.As<Napi::Int32Array>();
  Part part;
  int start = 0;
  for (size_t i = 0; i < counts.ElementLength(); i++) {
    part.counts.push_back(counts[i]);
    part.starts.push_back(start);
    start += counts[i];
  }
  return part;
}

// allGather(own: Uint8Array, all: Uint8Array, counts: Int32Array): everybody's bytes, in the order of ranks
Napi::Value AllGather(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  Napi::Uint8Array own = info[0].As<Napi::Uint8Array>();
  Napi::Uint8Array all = info[1].As<Napi::Uint8Array>();
  job->held.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
  job->held.push_back(Napi::Persistent(info[1].As<Napi::Object>()));
  auto part = std::make_shared<Part>(partOf(info[2]));
  uint8_t* from = own.Data();
  uint8_t* to = all.Data();
  const int length = static_cast<int>(own.ByteLength());
  job->work = [from, to, length, part] {
    MPI_Request request;
    check(MPI_Iallgatherv(from, length, MPI_BYTE, to, part->counts.data(), part->starts.data(), MPI_BYTE,
                          MPI_COMM_WORLD, &request));
    wait(request);
  };
  return submit(info, std::move(job));
}

// exchange(send: Float32Array, sendCounts: Int32Array, receive: Float32Array, receiveCounts: Int32Array): to each rank
// its part
Napi::Value Exchange(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  float* from = info[0].As<Napi::Float32Array>().Data();
  float* to = info[2].As<Napi::Float32Array>().Data();
  job->held.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
  job->held.push_back(Napi::Persistent(info[2].As<Napi::Object>()));
  auto sent = std::make_shared<Part>(partOf(info[1]));
  auto received = std::make_shared<Part>(partOf(info[3]));
  job->work = [from, to, sent, received] {
    MPI_Request request;
    check(MPI_Ialltoallv(from, sent->counts.data(), sent->starts.data(), MPI_FLOAT, to, received->counts.data(),
                         received->starts.data(), MPI_FLOAT, MPI_COMM_WORLD, &request));
    wait(request);
  };
  return submit(info, std::move(job));
}

Napi::Object InitModule(Napi::Env env, Napi::Object exports) {
  exports.Set("version", "1");
  exports.Set("init", Napi::Function::New(env, Init));
  exports.Set("finalize", Napi::Function::New(env, Finalize));
  exports.Set("broadcast", Napi::Function::New(env, Broadcast));
  exports.Set("allGather", Napi::Function::New(env, AllGather));
  exports.Set("exchange", Napi::Function::New(env, Exchange));
  return exports;
}

}  // namespace

NODE_API_MODULE(coldstart_mpi, InitModule)
