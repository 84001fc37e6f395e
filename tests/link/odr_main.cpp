// Calls the units that this CPU can run.  On a Nehalem only the baseline unit is called, and must reach baseline code.
#include <cstdio>

int unit_baseline();
int unit_avx2();
int unit_avx512();

int main() {
  int failures = unit_baseline();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) failures += unit_avx2();
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    failures += unit_avx512();
  std::printf("%d failures\n", failures);
  return failures;
}
