// The gradient reads and writes nothing outside a tensor (F8): every operand ends exactly at an unreadable page, then
// begins exactly behind one.  And offsets beyond 2^32 elements are right (F7).
#include "glint/ops/flash_attention_score_grad.hpp"
#include "support/fence.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {
namespace {

using glint_test::Fence;
using glint_test::Flush;

struct Fences {
  Fence q{1 << 18}, k{1 << 18}, v{1 << 18}, out{1 << 18}, d_out{1 << 18}, mask{1 << 18}, bias{1 << 19}, drop{1 << 16};
  Fence max{1 << 16}, sum{1 << 16}, sink{1 << 12}, lists{1 << 12};
  Fence d_q{1 << 18}, d_k{1 << 18}, d_v{1 << 18}, d_bias{1 << 19}, d_sink{1 << 12}, workspace{1 << 23};
};

template <class Element = float>
Element* flush(Fence& fence, Flush where, index_t count) {
  return static_cast<Element*>(fence.flush(where, count * static_cast<index_t>(sizeof(Element))));
}

template <class Element>
Element* filled(Fence& fence, Flush where, index_t count, unsigned seed) {
  Element* const data = flush<Element>(fence, where, count);
  for (index_t i = 0; i < count; ++i)
    put(data, glint::dtype_of<Element>, i, static_cast<float>((i * 37 + seed) % 11) * 0.25F - 1.25F);
  return data;
}
template <class Element>
Element* poisoned(Fence& fence, Flush where, index_t count) {
  Element* const data = flush<Element>(fence, where, count);
  for (index_t i = 0; i < count; ++i) put(data, glint::dtype_of<Element>, i, kNan);
  return data;
}
template <class Element>
void expect_written(const Element* data, index_t count) {
  for (index_t i = 0; i < count; ++i) ASSERT_FALSE(is_nan(get(data, glint::dtype_of<Element>, i))) << i;
}

struct Extent {
  index_t q_len, kv_len, dim, value_dim;
};

// Everything at once: mask, bias and its gradient (in full, or of one row for all), dropout bits, sink.
template <class Element>
void differentiate(Fences& f, Flush where, Extent e, bool one_row, bool with_bias = true) {
  constexpr index_t kHeads = 2;
  const index_t q = kHeads * e.q_len * e.dim, k = e.kv_len * e.dim, v = e.kv_len * e.value_dim;
  const index_t out = kHeads * e.q_len * e.value_dim, rows = kHeads * e.q_len, scores = rows * e.kv_len;
  const index_t bias = kHeads * (one_row ? 1 : e.q_len) * e.kv_len;
  glint::ScoreGradProblem<Element> p;
  glint::ScoreProblem<Element>& forward = p.forward;
  forward.q = filled<Element>(f.q, where, q, 1), forward.k = filled<Element>(f.k, where, k, 2);
  forward.v = filled<Element>(f.v, where, v, 3), forward.out = filled<Element>(f.out, where, out, 4);
  forward.shape = {.batch = 1,
                   .heads = kHeads,
                   .kv_heads = 1,
                   .q_len = e.q_len,
                   .kv_len = e.kv_len,
                   .head_dim = e.dim,
                   .value_dim = e.value_dim};
  std::uint8_t* const mask = flush<std::uint8_t>(f.mask, where, e.q_len * e.kv_len);
  for (index_t i = 0; i < e.q_len * e.kv_len; ++i) mask[i] = i % 3 == 1;
  forward.attn_mask = {mask, 1, 1, e.q_len, e.kv_len};
  std::uint8_t* const drop = flush<std::uint8_t>(f.drop, where, (scores + 7) / 8);
  std::memset(drop, 0x6d, size((scores + 7) / 8));
  forward.dropout = {.keep_prob = 0.5, .mask = {drop, size((scores + 7) / 8)}};
  if (with_bias) {
    forward.pse = {
        filled<Element>(f.bias, where, bias, 5), glint::dtype_of<Element>, 1, kHeads, one_row ? 1 : e.q_len, e.kv_len};
    p.d_pse = poisoned<Element>(f.d_bias, where, bias);
  }
  forward.sink = filled<float>(f.sink, where, kHeads, 6);
  forward.softmax_max = filled<float>(f.max, where, rows, 7);
  forward.softmax_sum = flush(f.sum, where, rows);
  std::fill_n(forward.softmax_sum, rows, 30.0F);
  forward.inner_precise = 1;
  p.d_out = filled<Element>(f.d_out, where, out, 8);
  p.d_q = poisoned<Element>(f.d_q, where, q), p.d_k = poisoned<Element>(f.d_k, where, k);
  p.d_v = poisoned<Element>(f.d_v, where, v), p.d_sink = poisoned<float>(f.d_sink, where, kHeads);
  using Gradient = glint::FlashAttentionScoreGrad<glint::layout::BNSD, Element, glint::SparseMode::all_mask>;
  const index_t bytes = Gradient::workspace_bytes(p);
  std::byte* const workspace = flush<std::byte>(f.workspace, where, bytes);
  const glint::Status status = Gradient{}(p, glint::Serial{}, {workspace, size(bytes)});
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  expect_written(p.d_q, q), expect_written(p.d_k, k), expect_written(p.d_v, v), expect_written(p.d_sink, kHeads);
  if (with_bias) expect_written(p.d_pse, bias);
}

template <class Element>
void differentiate_everywhere() {
  Fences fences;
  const bool fast = glint::simd::selected != glint::Isa::plain;
  for (const Flush where : {Flush::end, Flush::start}) {
    for (index_t dim = 1; dim <= 130; ++dim)
      differentiate<Element>(fences, where, {17 + dim % 3, 9 + dim % 8, dim, dim}, dim % 2 == 0, dim % 32 != 0);
    for (index_t dim = 1; dim <= 40; ++dim) differentiate<Element>(fences, where, {5, 130, 3, dim}, false);
    for (const index_t q_len : {1, 15, 16, 17, 63, 64, 65, 128, 129})
      for (const index_t kv_len : {1, 7, 8, 9, 127, 128, 129, 257})
        if (fast || q_len * kv_len < 4096) {
          differentiate<Element>(fences, where, {q_len, kv_len, 5, 3}, kv_len % 2 == 0);
          differentiate<Element>(fences, where, {q_len, kv_len, 32, 32}, false, false);
        }
  }
}
TEST(GradFailureClass, F8_GuardPagesFloat) { differentiate_everywhere<float>(); }
TEST(GradFailureClass, F8_GuardPagesHalf) { differentiate_everywhere<glint::half>(); }
TEST(GradFailureClass, F8_GuardPagesBfloat16) { differentiate_everywhere<glint::bfloat16>(); }

// TND with rows behind the last sequence: lists and prefixes end at a page too.
TEST(GradFailureClass, F8_ListsAreReadOnlyToTheirEnds) {
  Fences f;
  for (const Flush where : {Flush::end, Flush::start}) {
    index_t* const q_ends = flush<index_t>(f.lists, where, 2);
    index_t* const kv_ends = flush<index_t>(f.mask, where, 2);
    index_t* const prefix = flush<index_t>(f.drop, where, 2);
    q_ends[0] = 3, q_ends[1] = 8, kv_ends[0] = 4, kv_ends[1] = 10, prefix[0] = 2, prefix[1] = 6;
    glint::ScoreGradProblem<float> p;
    p.forward.q = filled<float>(f.q, where, 2 * 11 * 5, 1), p.forward.k = filled<float>(f.k, where, 2 * 12 * 5, 2);
    p.forward.v = filled<float>(f.v, where, 2 * 12 * 5, 3), p.forward.out = filled<float>(f.out, where, 2 * 11 * 5, 4);
    p.forward.shape = {.heads = 2, .q_len = 11, .kv_len = 12, .head_dim = 5};
    p.forward.q_ends = {q_ends, 2}, p.forward.kv_ends = {kv_ends, 2}, p.forward.prefix = {prefix, 2};
    p.forward.slopes = {filled<float>(f.sink, where, 2, 5)}, p.forward.pse_type = 2;
    p.forward.lse = filled<float>(f.max, where, 2 * 11, 6);
    p.d_out = filled<float>(f.d_out, where, 2 * 11 * 5, 7);
    p.d_q = poisoned<float>(f.d_q, where, 2 * 11 * 5), p.d_k = poisoned<float>(f.d_k, where, 2 * 12 * 5);
    p.d_v = poisoned<float>(f.d_v, where, 2 * 12 * 5);
    using Gradient = glint::FlashAttentionScoreGrad<glint::layout::TND, float, glint::SparseMode::prefix_compressed>;
    const glint::Status status = Gradient{}(p);
    ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
    expect_written(p.d_q, 8 * 2 * 5), expect_written(p.d_k, 10 * 2 * 5), expect_written(p.d_v, 10 * 2 * 5);
    for (index_t i = 8 * 2 * 5; i < 11 * 2 * 5; ++i) ASSERT_EQ(bits(p.d_q[i]), 0u);
    for (index_t i = 10 * 2 * 5; i < 12 * 2 * 5; ++i) ASSERT_TRUE(bits(p.d_k[i]) == 0 && bits(p.d_v[i]) == 0);
  }
}

// Strides of 2^33 elements: the far row must be the one that is read and written.
struct Repeats {
  index_t batch, heads, rows;
};
using Gradient = glint::FlashAttentionScoreGrad<glint::layout::BNSD, float>;

TEST(GradFailureClass, F7_OffsetsBeyond32Bits) {
  const index_t stride = (index_t{1} << 33) + 8, bytes = (stride + 64) * 4;
  float* far[8];
  for (float*& memory : far) {
    memory = static_cast<float*>(
        mmap(nullptr, size(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED) GTEST_SKIP() << "no address space";
  }
  // As rows, as heads and as batch entries; q, k, v, out, d_out are read, d_q, d_k, d_v written.
  for (const Repeats& kind : {Repeats{1, 1, 2}, Repeats{1, 2, 1}, Repeats{2, 1, 1}}) {
    std::vector<float> near[8], max(2, 1.0F), sum = max;
    for (unsigned i = 0; i < 8; ++i) near[i] = gaussian(8, DType::f32, i);
    glint::ScoreGradProblem<float> p;
    glint::ScoreProblem<float>& f = p.forward;
    f.shape = {.batch = kind.batch, .heads = kind.heads, .q_len = kind.rows, .kv_len = kind.rows, .head_dim = 4};
    f.softmax_max = max.data(), f.softmax_sum = sum.data();
    f.q = near[0].data(), f.k = near[1].data(), f.v = near[2].data(), f.out = near[3].data(), p.d_out = near[4].data();
    p.d_q = near[5].data(), p.d_k = near[6].data(), p.d_v = near[7].data();
    ASSERT_TRUE(static_cast<bool>(Gradient{}(p)));
    for (int tensor = 0; tensor < 5; ++tensor)
      for (index_t i = 0; i < 8; ++i) far[tensor][i / 4 * stride + i % 4] = near[tensor][size(i)];
    const glint::Strides wide = kind.rows == 2    ? glint::Strides{2 * stride, 2 * stride, stride}
                                : kind.heads == 2 ? glint::Strides{2 * stride, stride, 4}
                                                  : glint::Strides{stride, 4, 4};
    f.q = far[0], f.k = far[1], f.v = far[2], f.out = far[3], p.d_out = far[4];
    p.d_q = far[5], p.d_k = far[6], p.d_v = far[7];
    f.q_strides = f.k_strides = f.v_strides = f.out_strides = wide;
    p.d_out_strides = p.d_q_strides = p.d_k_strides = p.d_v_strides = wide;
    const glint::Status status = Gradient{}(p);
    ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
    for (int tensor = 5; tensor < 8; ++tensor)
      for (index_t i = 0; i < 8; ++i)
        ASSERT_EQ(bits(far[tensor][i / 4 * stride + i % 4]), bits(near[tensor][size(i)])) << tensor;
  }
  for (float* const memory : far) munmap(memory, size(bytes));
}

}  // namespace
}  // namespace metamorphic
