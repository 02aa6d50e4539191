// The N-API face of the engine: memory, and one entry that runs a kernel on the call that JavaScript wrote into a
// shared buffer.
#include <napi.h>
#include <omp.h>

#include <cstring>
#include <memory>

#include "call.h"
#include "instructionSet.h"
#include "memory.h"
#include "onednn/oneDnn.h"
#include "signals.h"

namespace {

using namespace coldstart;

constexpr const char* kVersion = "4";

// The message of the error being handled.
std::string reasonOfCurrentError() {
  try {
    throw;
  } catch (const dnnl::error& error) {
    return std::string("oneDNN refused (status ") + std::to_string(static_cast<int>(error.status)) +
           "): " + error.what();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown error";
  }
}

class Engine : public Napi::Addon<Engine> {
 public:
  Engine(Napi::Env env, Napi::Object exports) : call_(memory_, oneDnn_) {
    (void)env;
    DefineAddon(exports, {
                             InstanceMethod("kernelNames", &Engine::kernelNames),
                             InstanceMethod("setCallBuffer", &Engine::setCallBuffer),
                             InstanceMethod("run", &Engine::run),
                             InstanceMethod("allocate", &Engine::allocate),
                             InstanceMethod("release", &Engine::release),
                             InstanceMethod("write", &Engine::write),
                             InstanceMethod("read", &Engine::read),
                             InstanceMethod("memory", &Engine::memoryCounts),
                             InstanceMethod("trimMemory", &Engine::trimMemory),
                             InstanceMethod("setPoison", &Engine::setPoison),
                             InstanceMethod("setThreads", &Engine::setThreads),
                             InstanceMethod("setPrecision", &Engine::setPrecision),
                             InstanceMethod("info", &Engine::info),
                         });
    isa_ = registerKernels(kernels_);
    registerMatMul(kernels_);
    registerConvolution(kernels_);
  }

 private:
  // Runs `body` and turns any exception into a JavaScript error.
  template <typename Body>
  Napi::Value guarded(const Napi::CallbackInfo& info, Body body) {
    std::string message;
    try {
      return body();
    } catch (const Napi::Error&) {
      throw;
    } catch (...) {
      message = reasonOfCurrentError();
    }
    throw Napi::Error::New(info.Env(), message);
  }

  static int32_t integerAt(const Napi::CallbackInfo& info, size_t index) {
    const double value = doubleAt(info, index);
    if (!(value >= INT32_MIN && value <= INT32_MAX) || value != static_cast<int32_t>(value))
      fail("argument " + std::to_string(index) + " must be a 32-bit integer");
    return static_cast<int32_t>(value);
  }

  static double doubleAt(const Napi::CallbackInfo& info, size_t index) {
    if (info.Length() <= index || !info[index].IsNumber())
      fail("argument " + std::to_string(index) + " must be a number");
    return info[index].As<Napi::Number>().DoubleValue();
  }

  Napi::Value kernelNames(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      Napi::Array names = Napi::Array::New(info.Env(), kernels_.size());
      for (size_t i = 0; i < kernels_.size(); i++) names.Set(static_cast<uint32_t>(i), kernels_[i].name);
      return names;
    });
  }

  // The buffer stays alive through this reference, and its memory does not move.
  Napi::Value setCallBuffer(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      if (info.Length() < 1 || !info[0].IsTypedArray() ||
          info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array)
        fail("the call buffer must be a Float64Array");
      Napi::Float64Array array = info[0].As<Napi::Float64Array>();
      buffer_ = Napi::Persistent(array.As<Napi::Object>());
      words_ = array.Data();
      wordCount_ = array.ElementLength();
      return info.Env().Undefined();
    });
  }

  // run(kernel index): the call is in the call buffer.
  Napi::Value run(const Napi::CallbackInfo& info) {
    const char* name = "?";
    std::string message;
    try {
      const int32_t index = integerAt(info, 0);
      if (index < 0 || static_cast<size_t>(index) >= kernels_.size())
        fail("there is no kernel " + std::to_string(index));
      name = kernels_[index].name;
      oneDnn_.startCall();
      call_.parse(words_, wordCount_);
      const SignalsHeld held;
      kernels_[index].run(call_);
      memory_.releaseScratch();
      return info.Env().Undefined();
    } catch (...) {
      message = reasonOfCurrentError();
    }
    memory_.releaseScratch();
    throw Napi::Error::New(info.Env(), std::string(name) + ": " + message + "; tensors: " + call_.describe());
  }

  Napi::Value allocate(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const double bytes = doubleAt(info, 0);
      if (!(bytes >= 0.0 && bytes <= 9007199254740992.0))
        fail("a tensor cannot have " + std::to_string(bytes) + " bytes");
      return Napi::Number::New(info.Env(), memory_.allocate(static_cast<size_t>(bytes)));
    });
  }

  Napi::Value release(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      memory_.release(integerAt(info, 0));
      return info.Env().Undefined();
    });
  }

  // write(handle, typed array): the array's bytes become the start of the block.
  Napi::Value write(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const int32_t handle = integerAt(info, 0);
      const Bytes bytes = bytesAt(info, 1);
      if (bytes.length > memory_.bytes(handle))
        fail("wrote " + std::to_string(bytes.length) + " bytes to a tensor of " +
             std::to_string(memory_.bytes(handle)));
      if (bytes.length > 0) std::memcpy(memory_.data(handle), bytes.data, bytes.length);
      return info.Env().Undefined();
    });
  }

  // read(handle, typed array): fills the array from the start of the block.
  Napi::Value read(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const int32_t handle = integerAt(info, 0);
      const Bytes bytes = bytesAt(info, 1);
      if (bytes.length > memory_.bytes(handle))
        fail("read " + std::to_string(bytes.length) + " bytes from a tensor of " +
             std::to_string(memory_.bytes(handle)));
      if (bytes.length > 0) std::memcpy(bytes.data, memory_.data(handle), bytes.length);
      return info.Env().Undefined();
    });
  }

  struct Bytes {
    uint8_t* data;
    size_t length;
  };

  static Bytes bytesAt(const Napi::CallbackInfo& info, size_t index) {
    if (info.Length() <= index || !info[index].IsTypedArray())
      fail("argument " + std::to_string(index) + " must be a typed array");
    Napi::TypedArray array = info[index].As<Napi::TypedArray>();
    uint8_t* start = static_cast<uint8_t*>(array.ArrayBuffer().Data());
    return {start + array.ByteOffset(), array.ByteLength()};
  }

  Napi::Value memoryCounts(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const MemoryCounts counts = memory_.counts();
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("liveBlocks", static_cast<double>(counts.liveBlocks));
      result.Set("liveBytes", static_cast<double>(counts.liveBytes));
      result.Set("cachedBytes", static_cast<double>(counts.cachedBytes));
      result.Set("peakBytes", static_cast<double>(counts.peakBytes));
      result.Set("primitives", static_cast<double>(oneDnn_.held()));
      return result;
    });
  }

  Napi::Value trimMemory(const Napi::CallbackInfo& info) {
    memory_.trim();
    return info.Env().Undefined();
  }

  Napi::Value setPoison(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      memory_.setPoison(integerAt(info, 0) != 0);
      return info.Env().Undefined();
    });
  }

  Napi::Value setThreads(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const int32_t threads = integerAt(info, 0);
      if (threads < 1 || threads > 4096) fail("found " + std::to_string(threads) + " threads, expected 1 to 4096");
      omp_set_num_threads(threads);
      return info.Env().Undefined();
    });
  }

  // setPrecision(0: float32, 1: bf16) of large matrix products from now on.
  Napi::Value setPrecision(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const int32_t code = integerAt(info, 0);
      if (code != 0 && code != 1) fail("found precision " + std::to_string(code) + ", expected 0 or 1");
      const Precision precision = static_cast<Precision>(code);
      if (precision == Precision::kBf16 && *bf16Unit() == '\0') fail("this processor has no bf16 instructions");
      oneDnn_.setPrecision(precision);
      return info.Env().Undefined();
    });
  }

  Napi::Value info(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const dnnl_version_t* version = dnnl_version();
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("version", kVersion);
      result.Set("oneDnnVersion", std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                      std::to_string(version->patch));
      result.Set("instructionSet", isa_);
      result.Set("threads", omp_get_max_threads());
      result.Set("bf16", bf16Unit());
      return result;
    });
  }

  Memory memory_;
  OneDnn oneDnn_;
  Call call_;
  KernelTable kernels_;
  const char* isa_ = "baseline";
  Napi::ObjectReference buffer_;
  const double* words_ = nullptr;
  size_t wordCount_ = 0;
};

}  // namespace

NODE_API_ADDON(Engine)
