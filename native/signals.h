// No signal handler runs on this thread while one of these lives; what arrives waits.
//
// oneDNN's "gemm" kernels, the only products that it has for AVX2 and the faster ones on some processors with AVX-512, keep values
// below the stack pointer, where a signal handler's frame goes: a profiler's tick or Ctrl-C in the middle of one destroys what it
// was adding up and then the heap. Threads that OpenMP starts meanwhile inherit the mask and keep it.
#pragma once

#if defined(__unix__) || defined(__APPLE__)
#include <csignal>
#endif

namespace coldstart {

class SignalsHeld {
 public:
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

#if defined(__unix__) || defined(__APPLE__)
  SignalsHeld() {
    sigset_t held;
    sigfillset(&held);
    // faults of the thread itself cannot wait
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&held, fault);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#else
  SignalsHeld() {}
#endif
};

}  // namespace coldstart
