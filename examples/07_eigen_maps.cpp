// Eigen matrices in and out, Eigen's own bfloat16, and work on a thread pool that the program already has.
#include <cmath>
#include <cstdio>

#include "glint/eigen.hpp"
#include "glint/glint.hpp"

template <class T>
using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main() {
  using Eigen::bfloat16;
  using Eigen::Index;
  const Index tokens = 20, heads = 3, dim = 16;
  // One row for each token, its heads side by side: layout BSH.
  const auto wave = [](float step) { return [step](Index r, Index c) { return std::sin(step * float(r * 48 + c)); }; };
  const Rows<bfloat16> q = Rows<float>::NullaryExpr(tokens, heads * dim, wave(0.3F)).cast<bfloat16>();
  const Rows<bfloat16> k = Rows<float>::NullaryExpr(tokens, heads * dim, wave(0.7F)).cast<bfloat16>();
  const Rows<bfloat16> v = Rows<float>::NullaryExpr(tokens, heads * dim, wave(1.1F)).cast<bfloat16>();
  Rows<bfloat16> out(tokens, heads * dim);

  Eigen::ThreadPool pool(2);
  const glint::FlashAttentionScore<glint::layout::BSH, bfloat16> attend;
  const glint::Status status =
      attend({.q = q.data(),
              .k = k.data(),
              .v = v.data(),
              .out = out.data(),
              .shape = {.batch = 1, .heads = heads, .q_len = tokens, .kv_len = tokens, .head_dim = dim},
              .scale = 1.0F},
             glint::EigenExecutor(pool));
  if (!status) {
    std::puts(status.rule);
    return 1;
  }

  // The same in three lines of Eigen for each head; glint agrees to the last place of a bfloat16.
  for (Index head = 0; head < heads; ++head) {
    const auto of_head = [&](const auto& m) { return m.middleCols(head * dim, dim).template cast<float>(); };
    Rows<float> p = (of_head(q) * of_head(k).transpose()).array().exp();
    p.array().colwise() /= p.rowwise().sum().array().eval();
    const Rows<float> want = p * of_head(v), got = of_head(out);
    const bool close = ((got - want).array().abs() <= want.array().abs() / 256 + 1e-6F).all();
    std::printf("head %d: %+.2f %+.2f %+.2f  %s\n", int(head), got(0, 0), got(0, 1), got(0, 2),
                close ? "as Eigen says" : "WRONG");
  }
}
