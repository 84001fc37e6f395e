// Nothing is read or written outside a tensor (F8): every operand ends exactly at an unreadable page, then begins
// exactly behind one.  And offsets beyond 2^32 elements are right (F7).
#include "glint/glint.hpp"
#include "support/fence.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {
namespace {

using glint_test::Fence;
using glint_test::Flush;

struct Fences {
  Fence q{1 << 18}, k{1 << 18}, v{1 << 18}, out{1 << 18}, mask{1 << 18}, bias{1 << 19}, drop{1 << 16}, max{1 << 16};
  Fence sum{1 << 16}, lse{1 << 16}, workspace{1 << 21};
};

template <class Element = float>
Element* flush(Fence& fence, Flush where, index_t count) {
  return static_cast<Element*>(fence.flush(where, count * static_cast<index_t>(sizeof(Element))));
}

TEST(FailureClass, F8_TheFencesHold) {
  Fence fence(100);
  volatile char* const end = static_cast<char*>(fence.at_end(1));
  volatile char* const start = static_cast<char*>(fence.at_start(1));
  end[0] = 1;
  start[0] = 1;
  EXPECT_DEATH((void)(end[1] = 1), "");
  EXPECT_DEATH((void)(start[-1] = 1), "");
}

template <class Element>
void fill(Element* data, index_t count, unsigned seed) {
  for (index_t i = 0; i < count; ++i)
    put(data, glint::dtype_of<Element>, i, static_cast<float>((i * 37 + seed) % 11) * 0.25F - 1.25F);
}

struct Extent {
  index_t q_len, kv_len, dim, value_dim;
};

// Everything at once: mask, bias, dropout bits, statistics.
template <class Element>
void attend(Fences& fences, Flush where, Extent e) {
  const index_t heads = 2;
  const index_t q = heads * e.q_len * e.dim, k = e.kv_len * e.dim, v = e.kv_len * e.value_dim;
  const index_t out = heads * e.q_len * e.value_dim, rows = heads * e.q_len, scores = rows * e.kv_len;
  glint::ScoreProblem<Element> p;
  Element* const query = flush<Element>(fences.q, where, q);
  Element* const key = flush<Element>(fences.k, where, k);
  Element* const value = flush<Element>(fences.v, where, v);
  Element* const bias = flush<Element>(fences.bias, where, scores);
  fill(query, q, 1), fill(key, k, 2), fill(value, v, 3), fill(bias, scores, 4);
  std::uint8_t* const mask = flush<std::uint8_t>(fences.mask, where, e.q_len * e.kv_len);
  for (index_t i = 0; i < e.q_len * e.kv_len; ++i) mask[i] = i % 3 == 1;
  std::uint8_t* const drop = flush<std::uint8_t>(fences.drop, where, (scores + 7) / 8);
  std::memset(drop, 0x6d, size((scores + 7) / 8));
  p.q = query, p.k = key, p.v = value, p.out = flush<Element>(fences.out, where, out);
  p.shape = {.batch = 1,
             .heads = heads,
             .kv_heads = 1,
             .q_len = e.q_len,
             .kv_len = e.kv_len,
             .head_dim = e.dim,
             .value_dim = e.value_dim};
  p.attn_mask = {mask, 1, 1, e.q_len, e.kv_len};
  p.pse = {bias, glint::dtype_of<Element>, 1, heads, e.q_len, e.kv_len};
  p.dropout = {.keep_prob = 0.5, .mask = {drop, size((scores + 7) / 8)}};
  p.softmax_max = flush(fences.max, where, rows), p.softmax_sum = flush(fences.sum, where, rows);
  p.lse = flush(fences.lse, where, rows);
  using Attend = glint::FlashAttentionScore<glint::layout::BNSD, Element, glint::SparseMode::all_mask>;
  const index_t bytes = Attend::workspace_bytes(p);
  std::byte* const workspace = flush<std::byte>(fences.workspace, where, bytes);
  const glint::Status status = Attend{}(p, glint::Serial{}, {workspace, size(bytes)});
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  for (index_t i = 0; i < out; ++i) ASSERT_FALSE(is_nan(get(p.out, glint::dtype_of<Element>, i)));
}

template <class Element>
void attend_everywhere() {
  Fences fences;
  for (const Flush where : {Flush::end, Flush::start}) {
    for (index_t dim = 1; dim <= 130; ++dim) attend<Element>(fences, where, {17 + dim % 3, 9 + dim % 8, dim, dim});
    for (index_t dim = 1; dim <= 40; ++dim) attend<Element>(fences, where, {5, 130, 3, dim});
    for (const index_t q_len : {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129})
      for (const index_t kv_len : {1, 7, 8, 9, 127, 128, 129, 257})
        attend<Element>(fences, where, {q_len, kv_len, 5, 3});
  }
}
TEST(FailureClass, F8_GuardPagesFloat) { attend_everywhere<float>(); }
TEST(FailureClass, F8_GuardPagesHalf) { attend_everywhere<glint::half>(); }
TEST(FailureClass, F8_GuardPagesBfloat16) { attend_everywhere<glint::bfloat16>(); }

// TND with rows behind the last sequence: lists, prefixes and slopes end at a page too.
TEST(FailureClass, F8_ListsAreReadOnlyToTheirEnds) {
  Fences fences;
  for (const Flush where : {Flush::end, Flush::start}) {
    index_t* const q_ends = flush<index_t>(fences.mask, where, 2);
    index_t* const kv_ends = flush<index_t>(fences.drop, where, 2);
    index_t* const prefix = flush<index_t>(fences.bias, where, 2);
    float* const slopes = flush(fences.max, where, 4);
    q_ends[0] = 3, q_ends[1] = 8, kv_ends[0] = 4, kv_ends[1] = 10, prefix[0] = 2, prefix[1] = 6;
    fill(slopes, 4, 1);
    glint::ScoreProblem<float> p;
    float* const query = flush(fences.q, where, 2 * 11 * 5);
    float* const key = flush(fences.k, where, 2 * 10 * 5);
    fill(query, 2 * 11 * 5, 1), fill(key, 2 * 10 * 5, 2);
    p.q = query, p.k = p.v = key, p.out = flush(fences.out, where, 2 * 11 * 5);
    p.shape = {.heads = 2, .q_len = 11, .kv_len = 10, .head_dim = 5};
    p.q_ends = {q_ends, 2}, p.kv_ends = {kv_ends, 2}, p.prefix = {prefix, 2};
    p.slopes = {slopes, 2}, p.pse_type = 2;
    using Attend = glint::FlashAttentionScore<glint::layout::TND, float, glint::SparseMode::prefix_compressed>;
    const glint::Status status = Attend{}(p);
    ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
    for (index_t i = 8 * 2 * 5; i < 11 * 2 * 5; ++i) ASSERT_EQ(bits(p.out[i]), 0u);
  }
}

// Decode and ragged prompts read only the actual lengths.
TEST(FailureClass, F8_KeysBehindTheActualLengthAreNeverRead) {
  Fences fences;
  const index_t keys = 130, room = 4096, dim = 5;
  // The tensor claims more rows than are mapped behind the page: only row `keys - 1` ends at the fence.
  float* const key = flush(fences.k, Flush::end, keys * dim);
  float* const value = flush(fences.v, Flush::end, keys * dim);
  fill(key, keys * dim, 1), fill(value, keys * dim, 2);
  std::uint8_t* const mask = flush<std::uint8_t>(fences.mask, Flush::end, keys);
  float* const bias = flush(fences.bias, Flush::end, keys);
  std::memset(mask, 0, size(keys)), fill(bias, keys, 3);
  std::vector<float> q(3 * dim, 0.5F), out(q.size(), kNan);
  glint::IncreProblem<float> p{.q = q.data(), .kv = {.k = key, .v = value}, .out = out.data()};
  p.shape = {.batch = 1, .heads = 3, .kv_heads = 1, .q_len = 1, .kv_len = room, .head_dim = dim};
  p.attn_mask = {mask, 1, 1, 1, room};
  p.pse_shift = {bias, DType::f32, 1, 1, 1, room};
  p.kv_lens = {&keys, 1};
  const glint::Status status = glint::IncreFlashAttention<glint::layout::BNSD, float>{}(p);
  ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  for (const float number : out) ASSERT_FALSE(is_nan(number));
}

struct Repeats {
  index_t batch, heads, rows;
};

// Strides of 2^33 elements: the far row must be the one that is read and written.
TEST(FailureClass, F7_OffsetsBeyond32Bits) {
  const index_t stride = (index_t{1} << 33) + 8, bytes = (stride + 64) * 4;
  const auto reserve = [&] {
    return static_cast<float*>(
        mmap(nullptr, size(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  };
  float* const far[4] = {reserve(), reserve(), reserve(), reserve()};
  for (const float* const memory : far)
    if (memory == MAP_FAILED) GTEST_SKIP() << "no address space";
  const std::vector<float> near[3] = {gaussian(8, DType::f32, 1), gaussian(8, DType::f32, 2),
                                      gaussian(8, DType::f32, 3)};
  using Attend = glint::FlashAttentionScore<glint::layout::BNSD, float>;
  // As rows, as heads and as batch entries.
  const Repeats kinds[] = {{1, 1, 2}, {1, 2, 1}, {2, 1, 1}};
  for (const Repeats& kind : kinds) {
    glint::ScoreProblem<float> p;
    p.shape = {.batch = kind.batch, .heads = kind.heads, .q_len = kind.rows, .kv_len = kind.rows, .head_dim = 4};
    std::vector<float> want(8);
    p.q = near[0].data(), p.k = near[1].data(), p.v = near[2].data(), p.out = want.data();
    ASSERT_TRUE(static_cast<bool>(Attend{}(p)));
    for (int tensor = 0; tensor < 3; ++tensor)
      for (index_t i = 0; i < 8; ++i) far[tensor][i / 4 * stride + i % 4] = near[tensor][size(i)];
    const glint::Strides wide = kind.rows == 2    ? glint::Strides{2 * stride, 2 * stride, stride}
                                : kind.heads == 2 ? glint::Strides{2 * stride, stride, 4}
                                                  : glint::Strides{stride, 4, 4};
    p.q = far[0], p.k = far[1], p.v = far[2], p.out = far[3];
    p.q_strides = p.k_strides = p.v_strides = p.out_strides = wide;
    const glint::Status status = Attend{}(p);
    ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
    for (index_t i = 0; i < 8; ++i) ASSERT_EQ(bits(far[3][i / 4 * stride + i % 4]), bits(want[size(i)]));
  }
  for (float* const memory : far) munmap(memory, size(bytes));
}

}  // namespace
}  // namespace metamorphic
