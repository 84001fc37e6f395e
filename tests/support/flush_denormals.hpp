// While one of these lives, the CPU reads denormals as 0 (DAZ) and writes 0 instead of them (FTZ), as it does in every
// program that was linked with -ffast-math.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace glint_test {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(before_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned before_;
#endif
};

}  // namespace glint_test
