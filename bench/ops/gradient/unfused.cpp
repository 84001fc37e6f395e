// The baselines: five products for each head and what lies between them, with P and dS in memory.
#include "ops/gradient/rows.hpp"
#include "support/unfused_eigen.hpp"
#ifdef GLINT_BENCH_OPENBLAS
#include "support/unfused_blas.hpp"
#endif

namespace bench {
namespace {

using Gradient = void (*)(const unfused::GradientHead&, float*);

// Head by head, each with keys of its own; the two matrices are used again for each.
glint::Status differentiate_unfused(const GradientInputs<float>& in, const long* visible, float* scratch,
                                    Gradient gradient) {
  const Inputs<float>& f = in.forward;
  const Shape& s = f.shape;
  const long dim = s.head_dim;
  for (index_t i = 0; i < s.batch * s.heads; ++i) {
    const index_t q = i * s.q_len * dim, kv = i * s.kv_len * dim, row = i * s.q_len;
    gradient({{f.q.data() + q, f.k.data() + kv, f.v.data() + kv, f.out.data() + q, s.q_len, s.kv_len, dim, dim, dim,
               dim, f.scale, visible},
              in.d_out.data() + q,
              in.max.data() + row,
              in.sum.data() + row,
              in.d_q.data() + q,
              in.d_k.data() + kv,
              in.d_v.data() + kv},
             scratch);
  }
  return glint::Status::ok();
}

void add_unfused(const char* name, Gradient gradient) {
  for (const Workload& w : kTraining) {
    add_row(std::string("gradient/") + name + "/f32/" + w.name, gradient_flops(w),
            [&w, gradient](benchmark::State& state) {
              const GradientInputs<float> in(w, 0);
              const std::vector<long> visible = visible_keys(w);
              const Buffer<float> scratch(2 * w.shape.q_len * w.shape.kv_len);
              Work work = work_of(in, {});
              work.workspace = static_cast<double>(scratch.bytes());
              work.run = [&] {
                return differentiate_unfused(in, visible.empty() ? nullptr : visible.data(), scratch.data(), gradient);
              };
              measure_gradient(state, in, work);
            });
  }
}

const bool kRegistered = [] {
  add_unfused("eigen", &unfused::gradient);
  benchmark::AddCustomContext("eigen", unfused::instruction_sets());
#ifdef GLINT_BENCH_OPENBLAS
  add_unfused("openblas", &unfused::gradient_blas);
  benchmark::AddCustomContext("openblas", unfused::blas_kernels());
#endif
  return true;
}();

}  // namespace
}  // namespace bench
