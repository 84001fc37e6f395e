// See unfused_blas.hpp.
#include "support/unfused_blas.hpp"

#include <cblas.h>

namespace unfused {

// A row-major matrix; its transpose where a product wants it.
struct Rows {
  const float* data;
  long stride;
  CBLAS_TRANSPOSE turned = CblasNoTrans;

  Rows transposed() const { return {data, stride, CblasTrans}; }
};

// c = factor * a * b, where c is m x n and the sums have k terms.
static void multiply(long m, long n, long k, float factor, const Rows& a, const Rows& b, float* c, long stride) {
  static const bool one_thread = [] { return openblas_set_num_threads(1), true; }();
  (void)one_thread;
  const auto size = [](long extent) { return static_cast<blasint>(extent); };
  cblas_sgemm(CblasRowMajor, a.turned, b.turned, size(m), size(n), size(k), factor, a.data, size(a.stride), b.data,
              size(b.stride), 0, c, size(stride));
}

void attention_blas(const Head& head, float* scores) {
  const Rows q{head.q, head.q_stride}, k{head.k, head.kv_stride}, v{head.v, head.kv_stride}, p{scores, head.keys};
  multiply(head.q_rows, head.keys, head.dim, head.scale, q, k.transposed(), scores, head.keys);
  softmax(head, scores);
  multiply(head.q_rows, head.dim, head.keys, 1, p, v, head.out, head.out_stride);
}

void gradient_blas(const GradientHead& head, float* scratch) {
  const Head& f = head.forward;
  const long rows = f.q_rows, keys = f.keys;
  float* const d_scores = scratch + rows * keys;
  const Rows q{f.q, f.q_stride}, k{f.k, f.kv_stride}, v{f.v, f.kv_stride}, d_out{head.d_out, f.out_stride};
  const Rows p{scratch, keys}, d_s{d_scores, keys};
  multiply(rows, keys, f.dim, f.scale, q, k.transposed(), scratch, keys);
  probabilities(head, scratch);
  multiply(keys, f.dim, rows, 1, p.transposed(), d_out, head.d_v, f.kv_stride);
  multiply(rows, keys, f.dim, 1, d_out, v.transposed(), d_scores, keys);
  score_gradient(head, scratch, d_scores);
  multiply(rows, f.dim, keys, f.scale, d_s, k, head.d_q, f.q_stride);
  multiply(keys, f.dim, rows, f.scale, d_s.transposed(), q, head.d_k, f.kv_stride);
}

const char* blas_kernels() { return openblas_get_corename(); }

}  // namespace unfused
