// The baselines: a product, a softmax and a product for each head, with the whole score matrix in memory.
#include "ops/prefill/rows.hpp"
#include "support/unfused_eigen.hpp"
#ifdef GLINT_BENCH_OPENBLAS
#include "support/unfused_blas.hpp"
#endif

namespace bench {
namespace {

using Attention = void (*)(const unfused::Head&, float*);

// Head by head; the score matrix is used again for each.
glint::Status attend_unfused(const Inputs<float>& in, const long* visible, float* scores, Attention attention) {
  const Shape& s = in.shape;
  const index_t group = s.heads / s.kv_head_count();
  for (index_t i = 0; i < s.batch * s.heads; ++i) {
    const index_t kv = (i / s.heads * s.kv_head_count() + i % s.heads / group) * s.kv_len * s.head_dim;
    const index_t q = i * s.q_len * s.head_dim;
    attention({in.q.data() + q, in.k.data() + kv, in.v.data() + kv, in.out.data() + q, s.q_len, s.kv_len, s.head_dim,
               s.head_dim, s.head_dim, s.head_dim, in.scale, visible},
              scores);
  }
  return glint::Status::ok();
}

void add_unfused(const char* name, Attention attention) {
  for (const Workload& w : kPrefill) {
    add_row(std::string("prefill/") + name + "/f32/" + w.name, useful_flops(w),
            [&w, attention](benchmark::State& state) {
              const Inputs<float> in(w);
              const std::vector<long> visible = visible_keys(w);
              const Buffer<float> scores(w.shape.q_len * w.shape.kv_len);
              Work work = work_of(in, {});
              work.workspace = static_cast<double>(scores.bytes());
              work.run = [&] {
                return attend_unfused(in, visible.empty() ? nullptr : visible.data(), scores.data(), attention);
              };
              measure(state, work);
              finish(state, right(in));
            });
  }
}

const bool kRegistered = [] {
  add_unfused("eigen", &unfused::attention);
  benchmark::AddCustomContext("eigen", unfused::instruction_sets());
#ifdef GLINT_BENCH_OPENBLAS
  add_unfused("openblas", &unfused::attention_blas);
  benchmark::AddCustomContext("openblas", unfused::blas_kernels());
#endif
  return true;
}();

}  // namespace
}  // namespace bench
