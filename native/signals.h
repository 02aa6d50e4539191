// While one of these exists, no signal handler runs on this thread; signals that arrive wait.
//
// oneDNN 2.6's "gemm" kernels are its only products for AVX2, and the faster ones on some processors with AVX-512.
// Where a product adds up more terms than their stack holds, they move the stack pointer to the beginning of a heap
// block (uxlfoundation/oneDNN issue 4845). The frame of a signal handler, for a profiler's tick or for Ctrl-C, then
// overwrites the memory before that block. Threads that OpenMP starts meanwhile inherit the mask and keep it.
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
