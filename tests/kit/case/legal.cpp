// Why a case is illegal, in the words of the operator's own check.  Shapes and lists are all that it gets: an illegal
// case has no numbers.
#include "kit/case/case_line.hpp"
#include "support/decode_doors.hpp"
#include "support/prompt_doors.hpp"
#include "support/score_doors.hpp"

namespace kit {

namespace {

using glint_test::Case;
using glint_test::CaseData;
using glint_test::index_t;
using glint_test::InferenceCase;
using glint_test::InferenceData;
using glint_test::InferenceOutcome;
using glint_test::Operand;

std::string text_of(const glint::Status& status) {
  if (status) return {};
  char text[512];
  glint::format(status, text, sizeof text);
  return std::string("illegal: ") + text;
}

// One byte for each eight scores, or what stands for them in a call that has no other way to say a length.
std::size_t dropout_bytes(const CaseData<float>& data) {
  index_t bits = 0;
  for (std::size_t b = 0; b < data.lists.q_of.size(); ++b) bits += data.lists.q_of[b] * data.lists.kv_of[b];
  return static_cast<std::size_t>((bits * data.spec.head_num + 7) / 8);
}

// Where an output would be: no check reads it, but checks look for overlaps.  Between what heaps and stacks use.
void* place(std::uintptr_t number) { return reinterpret_cast<void*>((number << 40) + 0x6000'0000'0000); }

glint::Status status_of(const Case& c) {
  CaseData<float> data = glint_test::outline_of<float>(c);
  data.q = data.k = data.v = data.pse = glint_test::Buffer<float>(1, 0);
  data.slopes.reserve(1), data.sink.reserve(1), data.mask.reserve(1), data.drop.reserve(1);
  if (c.drop == glint_test::kDropBits) data.drop.resize(dropout_bytes(data));
  glint_test::Placed<float> out{};
  glint_test::Outcome<float> outcome;
  outcome.max.resize(1), outcome.sum.resize(1);
  glint::FlashAttentionScoreCall call = glint_test::score_call(c, data, out, outcome);
  call.attention_out.data = place(0), call.softmax_max.data = place(1), call.softmax_sum.data = place(2);
  return check(call);
}

Operand outline(glint::DType dtype, std::vector<index_t> shape) {
  return {dtype, std::move(shape), glint_test::kOutline};
}

// Checks read the factors, so there are some.
Operand ones(glint::DType dtype, std::vector<index_t> shape) {
  Operand factors(dtype, std::move(shape), 0);
  for (index_t i = 0; i < factors.size(); ++i) factors.set(i, 1);
  return factors;
}

void outline_factors(const InferenceCase& c, InferenceData& data) {
  if (!c.integer_cache()) return;
  const auto make = [&](const glint_test::detail::FactorForm& form) {
    std::vector<index_t> shape = glint_test::detail::factor_shape(c, data, form);
    if (c.joint != 0 && shape.size() == 1 && shape[0] == 1) return ones(glint_test::kDTypes[c.factors], {2});
    if (c.joint != 0) shape.insert(shape.begin(), 2);
    return ones(glint_test::kDTypes[c.factors], shape);
  };
  data.k_scale = make(glint_test::detail::k_form(c));
  if (c.k_offset != 0) data.k_offset = data.k_scale;
  if (c.joint != 0) return;
  data.v_scale = make(glint_test::detail::v_form(c));
  if (c.v_offset != 0) data.v_offset = data.v_scale;
}

void outline_options(const InferenceCase& c, InferenceData& data) {
  using namespace glint_test;
  const DType number = kDTypes[c.number()], post = c.post_bf16 != 0 ? DType::bf16 : DType::f32;
  data.mask_batch = c.mask == kMaskB1 || c.mask == kMaskBS1 ? c.batch : 1;
  data.mask_rows = c.mask == kMask1S || c.mask == kMaskBS1 ? data.lists.height : 1;
  data.tree_batch = c.tree_batch != 0 ? c.batch : 1;
  if (c.pse != 0)
    data.pse = outline(number, {c.pse_batch != 0 ? c.batch : 1, c.pse_head != 0 ? c.heads() : 1,
                                c.pse_row != 0 ? data.lists.height : 1, data.lists.columns});
  if (c.post != kPostNone) data.post_scale = ones(post, {c.post == kPostTensor ? 1 : c.heads() * c.value_dim});
  if (c.post_offset != 0) data.post_offset = data.post_scale;
  if (c.sink != kSinkNone) data.sink = outline(number, {c.heads()});
}

InferenceData outline_of(InferenceCase c) {
  c.skew = glint_test::kOutline, c.init = glint_test::kNormal;
  InferenceData data;
  data.lists = glint_test::inference_lists(c);
  data.scale = glint_test::scale_of(c, c.dim + c.rope);
  if (c.form == glint_test::kPaged) glint_test::detail::fill_table(c, data);
  glint_test::detail::fill_cache(c, data);
  glint_test::detail::fill_queries(c, data);
  outline_factors(c, data);
  outline_options(c, data);
  return data;
}

glint::Status status_of(const InferenceCase& c) {
  InferenceData data = outline_of(c);
  const glint_test::Extent out = std::exchange(data.out_extent, {});
  glint_test::detail::CallPlaces places(c, data);  // without memory for the output
  data.out_extent = out;
  InferenceOutcome outcome;
  outcome.lse.resize(1);
  const auto checked = [&](auto call) {
    call.attention_out.data = place(0);
    if (c.lse != 0) call.softmax_lse.data = place(1);
    return check(call);
  };
  if (c.op == glint_test::kPrompt) return checked(glint_test::PromptDoors::call_of(c, data, places, outcome));
  return checked(glint_test::DecodeDoors::call_of(c, data, places, outcome));
}

// The run-time door cannot say every case that the typed door can.
bool has_call(const Case&) { return true; }
bool has_call(const InferenceCase& c) { return has_run_time_form(c); }

// What the documents do not have, where a call could not even say it.
std::string beyond_documents(const Case& c) {
  if (c.drop_rank4 != 0) return "illegal: drop_rank4 needs skv to be a multiple of 8";
  return {};
}
std::string beyond_documents(const InferenceCase& c) {
  if (c.prefix > 0 && c.form != glint_test::kContiguous) return "illegal: a shared prefix belongs to form=contiguous";
  if (c.joint != 0) return "illegal: joint factors need one mode, 0 or 1, and equal offsets and sizes of key and value";
  return {};
}

template <class C>
std::string why(const C& c) {
  const bool fine = legal(c);
  if (fine && !has_call(c)) return {};
  std::string text = text_of(status_of(c));
  if (text.empty() && !fine) text = beyond_documents(c);
  if (fine || !text.empty()) return text;
  return "illegal: the operator's documents do not have this combination";
}

}  // namespace

std::string why_illegal(const CaseLine& c) {
  return std::visit([](const auto& each) { return why(each); }, c);
}

}  // namespace kit
