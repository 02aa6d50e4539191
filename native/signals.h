// No signal handler runs on this thread while one of these lives; what arrives waits.
//
// oneDNN 2.6's "gemm" kernels, the only products that it has for AVX2 and the faster ones on some processors with AVX-512, move the stack
// pointer to the beginning of a block of the heap where a product adds up more terms than their stack holds (uxlfoundation/oneDNN issue
// 4845): the frame of a handler, for a profiler's tick or for Ctrl-C, then overwrites what lies before it. Threads that OpenMP starts
// meanwhile inherit the mask and keep it.
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
