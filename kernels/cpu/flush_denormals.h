// Denormal numbers cost a hundred cycles each on many processors; inside a product they are noise.
#pragma once

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
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
};

}  // namespace lamina::kernels::cpu
