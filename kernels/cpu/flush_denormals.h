// Denormal numbers cost a hundred cycles each on many processors; inside a product they are noise.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace lamina::kernels::cpu {

/// While it lives, this thread's vector unit takes denormals for zero and flushes them to zero;
/// then the thread has its own setting back.
class FlushDenormals {
 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  static constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
    __asm__ volatile("msr fpcr, %0" : : "r"(saved_ | kFlushToZero) : "memory");
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(saved_) : "memory"); }

 private:
  static constexpr std::uint64_t kFlushToZero = 1u << 24;  // of inputs and of results
  std::uint64_t saved_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
};

}  // namespace lamina::kernels::cpu
