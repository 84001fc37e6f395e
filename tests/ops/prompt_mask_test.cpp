// PromptFlashAttention with mask tensors of every type (operators C7): what a mask of bytes gives, bit for bit, at both
// doors; and no byte outside the mask is read.
#include "glint/dispatch/prompt_flash_attention.hpp"
#include "support/fence.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {
namespace {

using glint_test::Fence;
using glint_test::Flush;

// The same decisions as bytes and as numbers of another type, behind whose last one nothing may be read.
class Mask {
 public:
  Mask(DType dtype, Flush where, index_t count)
      : dtype_(dtype), fence_(count * glint::size_of(dtype)), bytes_(size(count)) {
    data_ = static_cast<std::uint8_t*>(fence_.flush(where, count * glint::size_of(dtype)));
    std::mt19937 random(7);
    for (index_t i = 0; i < count; ++i) {
      bytes_[size(i)] = random() % 3 == 0;
      set(i, bytes_[size(i)] != 0, random());
    }
  }
  const std::uint8_t* data() const { return data_; }
  DType dtype() const { return dtype_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  static constexpr std::uint32_t kSign = 0x80000000u;

  // Any number but 0 drops: infinities, NaN, denormals.  Zeros of both signs keep.
  void set(index_t i, bool drop, unsigned kind) {
    constexpr std::uint32_t kDrops[] = {0x3f800000, 0x7f800000, 0x7fc00000, 0x00010000, 0x7f7f0000};
    const std::uint32_t sign = kind / 8 % 2 != 0 ? kSign : 0, bits = (drop ? kDrops[kind % 5] : 0) | sign;
    const auto upper = static_cast<std::uint16_t>(bits >> 16);
    if (glint::size_of(dtype_) == 4) std::memcpy(data_ + 4 * i, &bits, 4);
    if (glint::size_of(dtype_) == 2) std::memcpy(data_ + 2 * i, &upper, 2);
    if (glint::size_of(dtype_) == 1) data_[i] = drop ? 0x80 : 0;
  }

  DType dtype_;
  Fence fence_;
  std::vector<std::uint8_t> bytes_;
  std::uint8_t* data_ = nullptr;
};

template <class Element>
struct Tensors {
  index_t batch = 2, heads = 4, kv_heads = 2, q_len = 0, kv_len = 0, dim = 20;
  std::vector<Element> q, k, v;

  Tensors(index_t rows, index_t keys) : q_len(rows), kv_len(keys) {
    q = drawn(batch * heads * q_len * dim, 1);
    k = drawn(batch * kv_heads * kv_len * dim, 2);
    v = drawn(batch * kv_heads * kv_len * dim, 3);
  }
  static std::vector<Element> drawn(index_t count, unsigned seed) {
    std::vector<Element> numbers;
    for (const float number : gaussian(count, glint::dtype_of<Element>, seed))
      numbers.push_back(glint::from_float<Element>(number));
    return numbers;
  }
};

struct MaskShape {
  index_t batch, rows, columns;
};

template <class Element>
struct Answer {
  std::vector<Element> out;
  std::vector<float> lse;
  explicit Answer(const Tensors<Element>& t) : out(t.q.size()), lse(size(t.batch * t.heads * t.q_len)) {}
};

template <class Element>
Answer<Element> typed(const Tensors<Element>& t, const std::uint8_t* mask, DType dtype, MaskShape m) {
  Answer<Element> answer(t);
  glint::PromptProblem<Element> p{.q = t.q.data(), .kv = {.k = t.k.data(), .v = t.v.data()}, .out = answer.out.data()};
  p.shape = {t.batch, t.heads, t.kv_heads, t.q_len, t.kv_len, t.dim};
  p.scale = 0.25F;
  p.next_tokens = kAll;
  p.attn_mask = {mask, m.batch, 1, m.rows, m.columns, dtype};
  p.lse = answer.lse.data(), p.empty_lse = kInfinity;
  const glint::Status status = glint::PromptFlashAttention<glint::layout::BNSD, Element>{}(p);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule;
  return answer;
}

template <class Element>
Answer<Element> run_time(const Tensors<Element>& t, const std::uint8_t* mask, DType dtype, MaskShape m) {
  Answer<Element> answer(t);
  constexpr DType kType = glint::dtype_of<Element>;
  glint::PromptFlashAttentionCall call;
  call.query = {t.q.data(), kType, {t.batch, t.heads, t.q_len, t.dim}};
  call.key = {t.k.data(), kType, {t.batch, t.kv_heads, t.kv_len, t.dim}};
  call.value = {t.v.data(), kType, {t.batch, t.kv_heads, t.kv_len, t.dim}};
  call.attention_out = {answer.out.data(), kType, {t.batch, t.heads, t.q_len, t.dim}};
  call.num_heads = t.heads, call.num_key_value_heads = t.kv_heads;
  call.input_layout = "BNSD";
  call.scale_value = 0.25;
  call.next_tokens = kAll;
  call.attn_mask = {mask, dtype, {m.batch, 1, m.rows, m.columns}};
  if (t.q_len == 1) call.attn_mask.shape = {m.batch, m.columns};
  call.softmax_lse = {answer.lse.data(), DType::f32, {t.batch, t.heads, t.q_len, 1}};
  const glint::Status status = glint::prompt_flash_attention(call);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule;
  return answer;
}

template <class Element>
void expect_same(const Answer<Element>& got, const Answer<Element>& want, const std::string& what) {
  EXPECT_EQ(std::memcmp(got.out.data(), want.out.data(), want.out.size() * sizeof(Element)), 0) << what;
  EXPECT_EQ(std::memcmp(got.lse.data(), want.lse.data(), want.lse.size() * sizeof(float)), 0) << what;
}

template <class Element>
void expect_types_agree(index_t q_len, index_t kv_len) {
  const Tensors<Element> tensors(q_len, kv_len);
  for (const index_t batch : {index_t{1}, tensors.batch})
    for (const Flush where : {Flush::end, Flush::start})
      for (const DType dtype : {DType::boolean, DType::i8, DType::f16, DType::bf16, DType::f32}) {
        const MaskShape shape{batch, q_len, kv_len};
        const Mask mask(dtype, where, batch * q_len * kv_len);
        const std::string what = "type " + std::to_string(static_cast<int>(dtype)) + ", " + std::to_string(q_len) +
                                 " x " + std::to_string(kv_len) + ", batch " + std::to_string(batch);
        const Answer<Element> want = typed(tensors, mask.bytes().data(), DType::u8, shape);
        expect_same(typed(tensors, mask.data(), dtype, shape), want, "typed, " + what);
        expect_same(run_time(tensors, mask.data(), dtype, shape), want, "run-time, " + what);
      }
}

template <class Element>
void expect_types_agree() {
  for (const index_t q_len : {1, 7, 64, 70})
    for (const index_t kv_len : {1, 9, 63, 64, 130, 201}) expect_types_agree<Element>(q_len, kv_len);
}
TEST(PromptMask, TypesAgreeUnderFloat) { expect_types_agree<float>(); }
TEST(PromptMask, TypesAgreeUnderHalf) { expect_types_agree<glint::half>(); }
TEST(PromptMask, TypesAgreeUnderBfloat16) { expect_types_agree<glint::bfloat16>(); }

}  // namespace
}  // namespace metamorphic
