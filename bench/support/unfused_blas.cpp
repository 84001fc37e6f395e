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

// c = factor * a * b, or that added to c; c is m x n and the sums have k terms.
static void multiply(long m, long n, long k, float factor, const Rows& a, const Rows& b, float* c, long stride,
                     bool add = false) {
  static const bool one_thread = [] { return openblas_set_num_threads(1), true; }();
  (void)one_thread;
  const auto size = [](long extent) { return static_cast<blasint>(extent); };
  cblas_sgemm(CblasRowMajor, a.turned, b.turned, size(m), size(n), size(k), factor, a.data, size(a.stride), b.data,
              size(b.stride), add ? 1 : 0, c, size(stride));
}

void attention_blas(const Head& head, float* scores) {
  const Rows q{head.q, head.q_stride}, k{head.k, head.kv_stride}, v{head.v, head.value_stride()}, p{scores, head.keys};
  multiply(head.q_rows, head.keys, head.dim, head.scale, q, k.transposed(), scores, head.keys);
  softmax(head, scores);
  multiply(head.q_rows, head.value_size(), head.keys, 1, p, v, head.out, head.out_stride);
}

void gradient_blas(const GradientHead& head, float* scratch) {
  const Head& f = head.forward;
  const long rows = f.q_rows, keys = f.keys, value_size = f.value_size();
  float* const d_scores = scratch + rows * keys;
  const auto either = [](long stride, long otherwise) { return stride != 0 ? stride : otherwise; };
  const Rows q{f.q, f.q_stride}, k{f.k, f.kv_stride}, v{f.v, f.value_stride()};
  const Rows d_out{head.d_out, either(head.d_out_stride, f.out_stride)}, p{scratch, keys}, d_s{d_scores, keys};
  multiply(rows, keys, f.dim, f.scale, q, k.transposed(), scratch, keys);
  probabilities(head, scratch);
  multiply(keys, value_size, rows, 1, p.transposed(), d_out, head.d_v, either(head.d_v_stride, v.stride), head.add);
  multiply(rows, keys, value_size, 1, d_out, v.transposed(), d_scores, keys);
  score_gradient(head, scratch, d_scores);
  multiply(rows, f.dim, keys, f.scale, d_s, k, head.d_q, either(head.d_q_stride, f.q_stride));
  multiply(keys, f.dim, rows, f.scale, d_s.transposed(), q, head.d_k, either(head.d_k_stride, f.kv_stride), head.add);
}

const char* blas_kernels() { return openblas_get_corename(); }

}  // namespace unfused
