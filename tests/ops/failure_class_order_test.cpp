// The failures that users of other libraries reported (proof 2): empty problems, order and threads, rounding modes,
// anchors of masks, long rows.
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "support/score_shapes.hpp"

namespace metamorphic {
namespace {

// Zeros in every place; null pointers where there is nothing.
TEST(FailureClass, F10_EmptyEverything) {
  for (const char* const layout : {"BSH", "BSND", "SBH", "BNSD"})
    for (const index_t batch : {0, 1, 2})
      for (const index_t q_len : {0, 1, 70})
        for (const index_t kv_len : {0, 1, 130})
          for (const int mode : {0, 2, 3, 4}) {
            ScoreSpec s;
            s.layout = layout, s.batch = batch, s.heads = 4, s.kv_heads = 2, s.q_len = q_len, s.kv_len = kv_len;
            s.dim = 5, s.sparse_mode = mode, s.compressed = mode != 0;
            s.draw();
            const Result got = run(s);
            for (const float value : got.out) ASSERT_EQ(bits(value) == 0 || kv_len > 0, true);
            // operators 1.2: no key tensor at all.
            const std::vector<float> zeros(kv_len == 0 ? got.max.size() : 0, 0.0F);
            if (kv_len == 0) expect_same_bits({{}, got.max, got.sum, {}}, {{}, zeros, zeros, {}}, "no keys");
          }
}

TEST(FailureClass, F10_EmptySequences) {
  const index_t lengths[] = {0, 1, 20};
  for (const index_t q0 : lengths)
    for (const index_t q1 : lengths)
      for (const index_t k0 : lengths)
        for (const index_t k1 : lengths)
          for (const int mode : {0, 2}) {
            ScoreSpec s;
            s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 5;
            s.q_len = q0 + q1, s.kv_len = k0 + k1;
            s.q_ends = {q0, q0 + q1}, s.kv_ends = {k0, k0 + k1};
            s.sparse_mode = mode, s.compressed = mode != 0;
            s.draw();
            const Result got = run(s);
            s.out_grid().rows_of([&](index_t, index_t n, index_t i) {
              const bool sees = (i < q0 ? k0 : k1) > 0;
              for (index_t d = 0; d < s.dim; ++d) {
                const float value = got.out[size(s.out_grid().logical(0, n, i) + d)];
                ASSERT_FALSE(is_nan(value));
                ASSERT_EQ(bits(value) == 0, !sees) << q0 << q1 << k0 << k1;
              }
            });
          }
}

glint::FlashAttentionScoreCall empty_call(index_t batch, index_t q_len, index_t kv_len) {
  glint::FlashAttentionScoreCall call;
  call.query = {nullptr, DType::f32, {batch, q_len, 4 * 5}};
  call.key = call.value = {nullptr, DType::f32, {batch, kv_len, 2 * 5}};
  call.attention_out = {nullptr, DType::f32, {batch, q_len, 4 * 5}};
  call.head_num = 4;
  return call;
}
TEST(FailureClass, F18_NullPointersWhereThereIsNothing) {
  for (const index_t kv_len : {0, 1, 130}) {
    EXPECT_TRUE(static_cast<bool>(glint::flash_attention_score(empty_call(0, 70, kv_len))));
    EXPECT_TRUE(static_cast<bool>(glint::flash_attention_score(empty_call(3, 0, kv_len))));
  }
  std::vector<float> q(3 * 70 * 20, 1.0F), out(q.size(), kNan);
  glint::FlashAttentionScoreCall call = empty_call(3, 70, 0);  // keys and values: null
  call.query.data = q.data(), call.attention_out.data = out.data();
  EXPECT_TRUE(static_cast<bool>(glint::flash_attention_score(call)));
  for (const float value : out) ASSERT_EQ(bits(value), 0u);
}

ScoreSpec everything(DType dtype) {
  ScoreSpec s = several_tiles(dtype);
  s.q_len = 150, s.kv_len = 200;
  s.draw(81);
  s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
  for (std::size_t i = 0; i < s.mask.drop.size(); ++i) s.mask.drop[i] = i % 7 == 0;
  s.pse = gaussian(4 * s.q_len * s.kv_len, dtype, 5), s.pse_shape = {1, 4, s.q_len, s.kv_len};
  s.keep_prob = 0.75, s.keep_bits.assign(size(s.scores() / 8 + 1), 0xb7);
  return s;
}

TEST(FailureClass, F12_WorkersAndOrderChangeNoBit) {
  using Order = TestExecutor::Order;
  for (const DType dtype : kDtypes) {
    const ScoreSpec s = everything(dtype);
    const Result want = run(s, glint::Serial{});
    for (const index_t workers : {1, 2, 3, 8})
      for (const Order order : {Order::forward, Order::reversed, Order::shuffled})
        expect_same_bits(run(s, TestExecutor(workers, order)), want, std::to_string(workers) + " workers");
  }
}

TEST(FailureClass, F12_RerunsChangeNoBit) {
  ScoreSpec s = several_tiles(DType::bf16);
  s.batch = 1, s.heads = s.kv_heads = 2;
  s.draw();
  const Result want = run(s);
  for (int i = 0; i < 250; ++i) expect_same_bits(run(s, TestExecutor(3)), want, "rerun");
}

// The same numbers one element further on in memory, and at odd workspace addresses.
TEST(FailureClass, F12_AlignmentChangesNoBit) {
  for (const DType dtype : kDtypes) {
    const index_t bytes = glint::size_of(dtype), count = 70 * 130;
    std::vector<std::byte> memory(size(4 * (count + 64) * bytes)), first;
    for (const index_t shift : {0, 1, 3, 7}) {
      glint::FlashAttentionScoreCall call;
      const auto place = [&](index_t tensor) { return memory.data() + (tensor * (count + 64) + shift) * bytes; };
      for (index_t tensor = 0; tensor < 4; ++tensor) {
        const std::vector<float> values = gaussian(count, dtype, static_cast<unsigned>(tensor));
        for (index_t i = 0; i < count; ++i) put(place(tensor), dtype, i, values[size(i)]);
      }
      call.query = {place(0), dtype, {1, 70, 65}}, call.key = {place(1), dtype, {1, 130, 65}};
      call.value = {place(2), dtype, {1, 130, 65}}, call.attention_out = {place(3), dtype, {1, 70, 65}};
      call.head_num = 5;
      // All bits set is a NaN of every type: what lies in the workspace is no input.
      std::vector<std::byte> workspace(size(glint::workspace_bytes(call) + shift), std::byte{0xff});
      const std::span<std::byte> scratch(workspace.data() + shift, workspace.size() - size(shift));
      ASSERT_TRUE(static_cast<bool>(glint::flash_attention_score(call, glint::Serial{}, scratch)));
      const std::vector<std::byte> out(place(3), place(3) + 70 * 65 * bytes);
      if (shift == 0) first = out;
      ASSERT_TRUE(out == first) << name_of(dtype) << " shifted by " << shift;
    }
  }
}

#if defined(__SSE__)
// Flush-to-zero and denormals-are-zero, as some hosts run: half denormals are still numbers.
TEST(FailureClass, F15_FlushToZero) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    for (std::size_t i = 0; dtype == DType::f16 && i < s.v.size(); ++i) s.v[i] = rounded(dtype, s.v[i] * 0x1p-15F);
    const Result want = run(s);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    const Result got = run(s, glint::Serial{});
    _mm_setcsr(before);
    for (std::size_t i = 0; i < got.out.size(); ++i) {
      const float quantum = dtype == DType::f16 ? 0x1p-24F : 0x1p-126F;
      ASSERT_LE(std::abs(got.out[i] - want.out[i]), unit_roundoff(dtype) * std::abs(want.out[i]) + quantum)
          << name_of(dtype) << " element " << i;
    }
  }
}
#endif

// Exact and partial overlaps, in either direction; right beside each other is fine.
TEST(FailureClass, F19_AnOutputOverAnInputIsRefused) {
  std::vector<float> memory(3 * 70 * 20, 1.0F);
  for (const index_t shift : {0, 1, 1399, -1, -1399, 1400, -1400}) {
    glint::FlashAttentionScoreCall call = empty_call(1, 70, 70);
    call.input_layout = "BSND";
    call.query.shape = call.key.shape = call.value.shape = call.attention_out.shape = {1, 70, 4, 5};
    call.query.data = call.key.data = call.value.data = memory.data() + 1400;
    call.attention_out.data = memory.data() + 1400 + shift;
    const std::vector<float> before = memory;
    const glint::Status status = glint::flash_attention_score(call);
    const bool apart = shift == 1400 || shift == -1400;
    EXPECT_EQ(status.code, apart ? glint::Code::ok : glint::Code::output_overlaps_input) << shift;
    if (!apart) expect_same_bits(memory, before, "refused");
  }
}

// K = 0 and V one-hot: the answer is the mask row over its count (operators 10).
std::string picture(int mode, index_t q_len, index_t kv_len) {
  ScoreSpec s;
  s.q_len = q_len, s.kv_len = kv_len, s.dim = 1, s.value_dim = kv_len, s.sparse_mode = mode, s.compressed = true;
  s.draw();
  std::fill(s.k.begin(), s.k.end(), 0.0F), std::fill(s.v.begin(), s.v.end(), 0.0F);
  for (index_t j = 0; j < kv_len; ++j) s.v[size(j * kv_len + j)] = 1;
  const Result got = run(s);
  std::string text;
  for (index_t i = 0; i < q_len; ++i) {
    float count = 0;
    for (index_t j = 0; j < kv_len; ++j) count += got.out[size(i * kv_len + j)] > 0 ? 1.0F : 0.0F;
    for (index_t j = 0; j < kv_len; ++j) {
      const float weight = got.out[size(i * kv_len + j)];
      EXPECT_TRUE(weight == 0 || std::abs(weight - 1 / count) < 1e-6F);
      text += weight > 0 ? '#' : '.';
    }
    text += '\n';
  }
  return text;
}
TEST(FailureClass, F16_WhereCausalBegins) {
  EXPECT_EQ(picture(2, 6, 4), "#...\n##..\n###.\n####\n####\n####\n");
  EXPECT_EQ(picture(3, 6, 4), "....\n....\n#...\n##..\n###.\n####\n");
  EXPECT_EQ(picture(2, 4, 6), "#.....\n##....\n###...\n####..\n");
  EXPECT_EQ(picture(3, 4, 6), "###...\n####..\n#####.\n######\n");
  EXPECT_EQ(picture(2, 4, 4), "#...\n##..\n###.\n####\n");
  EXPECT_EQ(picture(3, 4, 4), "#...\n##..\n###.\n####\n");
}

// Sequential float sums lose 1e-3 over half a million keys whose values do not cancel; 65,536 show it too.
TEST(FailureClass, F17_LongRowsWithValuesOfMeanOne) {
  for (const index_t keys : {index_t{16384}, index_t{16385}, index_t{65536}}) {
    ScoreSpec s;
    s.q_len = 3, s.kv_len = keys, s.dim = 1, s.value_dim = 2;
    s.draw(91);
    for (float& value : s.q) value *= 0.001F;
    for (float& value : s.v) value = 1 + 0.1F * value;
    s.scale = 1;
    const Result got = run(s);
    for (index_t i = 0; i < 3; ++i)
      for (index_t d = 0; d < 2; ++d) {
        double sum = 0, weighted = 0, scores = 0;
        for (index_t j = 0; j < keys; ++j) {
          const double score = static_cast<double>(s.q[size(i)]) * s.k[size(j)], p = std::exp(score);
          sum += p, weighted += p * s.v[size(j * 2 + d)], scores = std::max(scores, std::abs(score));
        }
        const double want = weighted / sum,
                     bound = 0x1p-24 * std::abs(want) + 16 * 0x1p-24 * std::abs(want) * (1 + scores);
        ASSERT_LE(std::abs(got.out[size(i * 2 + d)] - want), bound) << keys << " keys";
        ASSERT_LE(std::abs(got.max[size(i)] + std::log(static_cast<double>(got.sum[size(i)])) - std::log(sum)),
                  0x1p-20 * (1 + scores));
      }
  }
}

}  // namespace
}  // namespace metamorphic
