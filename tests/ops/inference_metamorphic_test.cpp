// Prompt and decode against each other, and the failure classes that only they can show: ragged lengths, unused cache.
#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {
namespace {

struct Spec {
  DType dtype = DType::f32;
  std::string layout = "BNSD";
  index_t batch = 3, heads = 4, kv_heads = 2, q_len = 70, kv_len = 200, dim = 20;
  std::vector<float> q, k, v, bias;  // bias: (1, N, S1, S2)
  std::vector<std::uint8_t> drop;    // mask: (B, 1, S1, S2)
  std::vector<index_t> q_lens, kv_lens;
  int sparse_mode = 0;

  Grid q_grid() const { return {batch, heads, q_len, dim}; }
  Grid k_grid() const { return {batch, kv_heads, kv_len, dim}; }
  Spec& draw() {
    q = gaussian(q_grid().count(), dtype, 1), k = gaussian(k_grid().count(), dtype, 2);
    v = gaussian(k_grid().count(), dtype, 3);
    return *this;
  }
  Contract contract() const { return {dtype, largest(v), largest(q) * largest(k) * 5 + largest(bias)}; }
};

struct Tensors {
  Buffer q, k, v, out, bias;
  std::vector<float> lse;
  explicit Tensors(const Spec& s)
      : q(packed(s.q_grid(), s.layout, s.dtype, s.q)),
        k(packed(s.k_grid(), s.layout, s.dtype, s.k)),
        v(packed(s.k_grid(), s.layout, s.dtype, s.v)),
        out(s.dtype, s.q_grid().count()),
        bias(s.dtype, static_cast<index_t>(s.bias.size())),
        lse(size(s.batch * s.heads * s.q_len), kNan) {
    for (index_t i = 0; i < bias.count(); ++i) bias.set(i, s.bias[size(i)]);
  }
};

template <class Call>
void describe(const Spec& s, Tensors& t, Call& call) {
  const auto shape = [&](const Grid& grid) { return grid.shape<glint::Extents>(s.layout); };
  call.query = {t.q.data(), s.dtype, shape(s.q_grid())};
  call.key = {t.k.data(), s.dtype, shape(s.k_grid())}, call.value = {t.v.data(), s.dtype, shape(s.k_grid())};
  call.attention_out = {t.out.data(), s.dtype, shape(s.q_grid())};
  call.num_heads = s.heads, call.num_key_value_heads = s.kv_heads;
  call.input_layout = s.layout;
  call.scale_value = 0.25;
  if (!s.drop.empty()) call.attn_mask = {s.drop.data(), DType::u8, {s.batch, 1, s.q_len, s.kv_len}};
  if (!s.bias.empty()) call.pse_shift = {t.bias.data(), s.dtype, {1, s.heads, s.q_len, s.kv_len}};
  call.softmax_lse = {t.lse.data(), DType::f32, {s.batch, s.heads, s.q_len, 1}};
}

Result finished(const Spec& s, Tensors& t, const glint::Status& status) {
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule << " got " << status.got << " want " << status.want;
  return {unpacked(s.q_grid(), s.layout, t.out), {}, {}, t.lse};
}
Result prompt(const Spec& s, const TestExecutor& executor = TestExecutor()) {
  Tensors t(s);
  glint::PromptFlashAttentionCall call;
  describe(s, t, call);
  call.actual_seq_lengths = s.q_lens, call.actual_seq_lengths_kv = s.kv_lens;
  call.sparse_mode = s.sparse_mode;
  call.next_tokens = kAll;
  call.attn_mask_compressed = s.sparse_mode > 1;
  return finished(s, t, glint::prompt_flash_attention(call, executor));
}
Result incre(const Spec& s, const TestExecutor& executor = TestExecutor()) {
  Tensors t(s);
  glint::IncreFlashAttentionCall call;
  describe(s, t, call);
  call.actual_seq_lengths = s.kv_lens;
  return finished(s, t, glint::incre_flash_attention(call, executor));
}

constexpr DType kDtypes[] = {DType::f32, DType::f16, DType::bf16};
constexpr float kPoisons[] = {kNan, kInfinity, -kInfinity};

Spec ragged(DType dtype) {
  Spec s;
  s.dtype = dtype, s.q_lens = {70, 0, 33}, s.kv_lens = {200, 77, 0};
  s.draw();
  s.bias = gaussian(s.heads * s.q_len * s.kv_len, dtype, 4);
  s.drop.resize(size(s.batch * s.q_len * s.kv_len));
  for (std::size_t i = 0; i < s.drop.size(); ++i) s.drop[i] = i % 7 == 3;
  return s;
}
Spec decode(DType dtype) {
  Spec s;
  s.dtype = dtype, s.q_len = 1, s.kv_lens = {129, 0, 64};
  s.draw();
  s.bias = gaussian(s.heads * s.kv_len, dtype, 4);
  s.drop.resize(size(s.batch * s.kv_len));
  for (std::size_t i = 0; i < s.drop.size(); ++i) s.drop[i] = i % 7 == 3;
  return s;
}

TEST(InferenceExactly, ThreeLayoutsAgree) {
  for (const DType dtype : kDtypes) {
    Spec rows = ragged(dtype), step = decode(dtype);
    const Result want_rows = prompt(rows), want_step = incre(step);
    for (const char* const layout : {"BSH", "BSND"}) {
      rows.layout = step.layout = layout;
      expect_same_bits(prompt(rows), want_rows, layout);
      expect_same_bits(incre(step), want_step, layout);
    }
  }
}

// Row i of a causal prompt is step i of a decode.
TEST(InferenceWithin, PromptRowIsDecodeStep) {
  for (const DType dtype : kDtypes) {
    Spec whole;
    whole.dtype = dtype, whole.q_len = whole.kv_len = 140, whole.sparse_mode = 3;
    whole.draw();
    const Result rows = prompt(whole);
    for (const index_t i :
         {index_t{0}, index_t{1}, index_t{63}, index_t{64}, index_t{127}, index_t{128}, index_t{139}}) {
      Spec step = whole;
      step.q_len = 1, step.sparse_mode = 0, step.kv_lens = {i + 1};
      step.q.clear();
      std::vector<float> want, want_lse;
      for (index_t head = 0; head < whole.batch * whole.heads; ++head) {
        const auto row = (head * whole.q_len + i) * whole.dim;
        step.q.insert(step.q.end(), whole.q.begin() + row, whole.q.begin() + row + whole.dim);
        want.insert(want.end(), rows.out.begin() + row, rows.out.begin() + row + whole.dim);
        want_lse.push_back(rows.lse[size(head * whole.q_len + i)]);
      }
      const Result got = incre(step);
      whole.contract().expect(got.out, want, "row " + std::to_string(i));
      for (std::size_t n = 0; n < want_lse.size(); ++n) ASSERT_NEAR(got.lse[n], want_lse[n], 1e-4);
    }
  }
}

void spoil(std::vector<float>& values, const Grid& grid, const std::vector<index_t>& lengths, float poison) {
  grid.rows_of([&](index_t b, index_t n, index_t s) {
    if (s >= lengths[size(b)]) std::fill_n(values.begin() + grid.logical(b, n, s), grid.dim, poison);
  });
}
// Columns of bias and mask that no batch entry uses (bias is shared), and bytes of masks behind the lengths.
void spoil_columns(Spec& s, float poison) {
  const index_t used = *std::max_element(s.kv_lens.begin(), s.kv_lens.end());
  for (std::size_t i = 0; i < s.bias.size(); ++i)
    if (static_cast<index_t>(i) % s.kv_len >= used) s.bias[i] = poison;
  for (std::size_t i = 0; i < s.drop.size(); ++i) {
    const index_t b = static_cast<index_t>(i) / s.kv_len / s.q_len;
    if (static_cast<index_t>(i) % s.kv_len >= s.kv_lens[size(b)]) s.drop[i] ^= 1;
  }
}

TEST(FailureClass, F3_PoisonBehindTheActualLengthsOfAPrompt) {
  for (const DType dtype : kDtypes) {
    Spec s = ragged(dtype);
    s.kv_lens = {190, 77, 0};
    const Result clean = prompt(s);
    for (const float poison : kPoisons) {
      Spec dirty = s;
      spoil(dirty.q, s.q_grid(), s.q_lens, poison);
      spoil(dirty.k, s.k_grid(), s.kv_lens, poison), spoil(dirty.v, s.k_grid(), s.kv_lens, poison);
      spoil_columns(dirty, poison);
      expect_same_bits(prompt(dirty), clean, name_of(dtype));
    }
  }
}
TEST(FailureClass, F3_PoisonInTheUnusedCache) {
  for (const DType dtype : kDtypes) {
    const Spec s = decode(dtype);
    const Result clean = incre(s);
    for (const float poison : kPoisons) {
      Spec dirty = s;
      spoil(dirty.k, s.k_grid(), s.kv_lens, poison), spoil(dirty.v, s.k_grid(), s.kv_lens, poison);
      spoil_columns(dirty, poison);
      expect_same_bits(incre(dirty), clean, name_of(dtype));
    }
  }
}
TEST(FailureClass, F2_PoisonInMaskedKeysOfADecode) {
  for (const DType dtype : kDtypes) {
    Spec s = decode(dtype);
    s.kv_lens = {};
    const Result clean = incre(s);
    for (const float poison : kPoisons) {
      Spec dirty = s;
      s.k_grid().rows_of([&](index_t b, index_t n, index_t j) {
        if (s.drop[size(b * s.kv_len + j)] == 0) return;
        std::fill_n(dirty.k.begin() + s.k_grid().logical(b, n, j), s.dim, poison);
        std::fill_n(dirty.v.begin() + s.k_grid().logical(b, n, j), s.dim, poison);
      });
      for (std::size_t i = 0; i < dirty.bias.size(); ++i) {
        bool unused = true;  // the bias serves all batch entries
        for (index_t b = 0; b < s.batch; ++b) unused &= s.drop[size(b * s.kv_len) + i % size(s.kv_len)] != 0;
        if (unused) dirty.bias[i] = poison;
      }
      expect_same_bits(incre(dirty), clean, name_of(dtype));
    }
  }
}

// Rows behind the actual length, and entries without keys: zeros, and lse +inf (operators 1.5).
TEST(FailureClass, F1_RowsThatSeeNothing) {
  for (const DType dtype : kDtypes) {
    const Spec s = ragged(dtype);
    const Result got = prompt(s);
    s.q_grid().rows_of([&](index_t b, index_t n, index_t i) {
      const bool sees = i < s.q_lens[size(b)] && s.kv_lens[size(b)] > 0;
      ASSERT_EQ(got.lse[size((b * s.heads + n) * s.q_len + i)] == kInfinity, !sees);
      for (index_t d = 0; !sees && d < s.dim; ++d) ASSERT_EQ(bits(got.out[size(s.q_grid().logical(b, n, i) + d)]), 0u);
    });
    const Result step = incre(decode(dtype));
    for (index_t n = 0; n < 4; ++n) ASSERT_EQ(step.lse[size(4 + n)], kInfinity);
    for (index_t d = 0; d < 4 * 20; ++d) ASSERT_EQ(bits(step.out[size(4 * 20 + d)]), 0u);
  }
}

TEST(FailureClass, F12_WorkersChangeNoBitOfInference) {
  for (const DType dtype : kDtypes) {
    const Result rows = prompt(ragged(dtype)), step = incre(decode(dtype));
    for (const index_t workers : {2, 3, 8}) {
      const TestExecutor executor(workers, TestExecutor::Order::shuffled);
      expect_same_bits(prompt(ragged(dtype), executor), rows, "prompt");
      expect_same_bits(incre(decode(dtype), executor), step, "incre");
    }
  }
}

}  // namespace
}  // namespace metamorphic
