// See unfused_blas.hpp.
#include "support/unfused_blas.hpp"

#include <cblas.h>

namespace unfused {

void attention_blas(const Head& head, float* scores) {
  static const bool one_thread = [] { return openblas_set_num_threads(1), true; }();
  (void)one_thread;
  const auto size = [](long n) { return static_cast<blasint>(n); };
  const blasint rows = size(head.q_rows), keys = size(head.keys), dim = size(head.dim);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, keys, dim, head.scale, head.q, size(head.q_stride), head.k,
              size(head.kv_stride), 0, scores, keys);
  softmax(head, scores);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, dim, keys, 1, scores, keys, head.v, size(head.kv_stride),
              0, head.out, size(head.out_stride));
}

const char* blas_kernels() { return openblas_get_corename(); }

}  // namespace unfused
