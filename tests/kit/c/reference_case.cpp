#include "kit/c/reference_case.hpp"

#include "glint/policy/recipe.hpp"

namespace kit::c {
namespace {

using namespace glint::reference;
using glint::DType;
using glint::index_t;
using glint::TensorRef;

std::vector<index_t> shape_of(const TensorRef& tensor) {
  const index_t* const first = tensor.shape.extent;
  if (tensor.shape.rank == 0) return {1};  // one number
  return {first, first + tensor.shape.rank};
}

template <class Stored>
double number_at(const void* data, index_t at) {
  return static_cast<double>(glint::to_float(static_cast<const Stored*>(data)[at]));
}
template <class Integer>
double integer_at(const void* data, index_t at) {
  return static_cast<double>(static_cast<const Integer*>(data)[at]);
}

// uint64 is the bits of a scale (deq_scale1, deq_scale2).
double number_of(const void* data, DType dtype, index_t at) {
  switch (dtype) {
    case DType::f32: return number_at<float>(data, at);
    case DType::f16: return number_at<glint::half>(data, at);
    case DType::bf16: return number_at<glint::bfloat16>(data, at);
    case DType::i8: return integer_at<std::int8_t>(data, at);
    case DType::u8:
    case DType::boolean: return integer_at<std::uint8_t>(data, at);
    case DType::i32: return integer_at<std::int32_t>(data, at);
    case DType::i64: return integer_at<std::int64_t>(data, at);
    case DType::u64: return decode_dequant_scale(static_cast<const std::uint64_t*>(data)[at]);
    case DType::i4: return glint::number_at(static_cast<const glint::int4x2*>(data), at);
    case DType::none: break;
  }
  return 0;
}

// Anything but zero drops, NaN too.
ByteArray mask_of(const TensorRef& mask) {
  if (!mask.present()) return {};
  ByteArray drops(shape_of(mask));
  for (index_t i = 0; i < drops.size(); ++i) drops.flat(i) = number_of(mask.data, mask.dtype, i) == 0 ? 0 : 1;
  return drops;
}

std::vector<index_t> list_of(std::span<const index_t> list) { return {list.begin(), list.end()}; }

std::string layout_of(std::string_view text) {
  std::string name(text);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return name;
}

// As the operators calculate with them.
double as_float(double value) { return static_cast<double>(static_cast<float>(value)); }

bool is_compressed(const glint::FlashAttentionScoreCall& c) {
  if (c.real_shift_form == glint::PseForm::compressed) return true;
  if (c.real_shift_form != glint::PseForm::dense || c.real_shift.shape.rank != 4) return false;
  const glint::dispatch::LayoutName& layout = *glint::dispatch::find_layout(c.input_layout);
  const bool square = layout.layout != glint::Layout::TND && c.query.shape[layout.rows] == 1024;
  return c.real_shift.shape[2] == 1024 && !square;
}

PseForm form_of(const glint::FlashAttentionScoreCall& c) {
  if (c.real_shift_form == glint::PseForm::tnd_per_score) return PseForm::flat_score;
  if (c.real_shift_form == glint::PseForm::tnd_per_column) return PseForm::flat_column;
  return is_compressed(c) ? PseForm::compressed : PseForm::dense;
}

void ask_bias(const glint::FlashAttentionScoreCall& c, AttentionCase& spec) {
  spec.pse = numbers_of(c.real_shift);
  spec.pse_type = c.pse_type;
  if (spec.pse.present() && c.pse_type < 2) spec.pse_form = form_of(c);
  spec.q_start_idx = list_of(c.q_start_idx);
  spec.kv_start_idx = list_of(c.kv_start_idx);
  spec.sink = numbers_of(c.sink);
}

// Without a mask the mode means nothing; the contents of a compressed one are implied (operators C36).
void ask_mask(const glint::FlashAttentionScoreCall& c, AttentionCase& spec) {
  if (!c.attn_mask.present() && !c.attn_mask_compressed) return;
  spec.sparse_mode = c.sparse_mode;
  spec.pre_tokens = c.pre_tokens;
  spec.next_tokens = c.next_tokens;
  spec.prefix = list_of(c.prefix);
  spec.implied_mask = !glint::reads_mask_tensor(static_cast<glint::SparseMode>(c.sparse_mode));
  if (!spec.implied_mask) spec.attn_mask = mask_of(c.attn_mask);
}

void ask_dropout(const glint::FlashAttentionScoreCall& c, AttentionCase& spec) {
  spec.keep_prob = c.keep_prob;
  if (c.keep_prob == 1) return;  // a mask beside it is ignored
  spec.philox = c.generate_dropout;
  spec.seed = c.seed;
  spec.offset = c.offset;
  if (!c.drop_mask.present()) return;
  const auto* const bits = static_cast<const std::uint8_t*>(c.drop_mask.data);
  const index_t bytes = c.drop_mask.shape.elements();
  spec.drop_mask = ByteArray({bytes}, {bits, bits + bytes});
}

std::optional<index_t> padding_of(const TensorRef& padding) {
  if (!padding.present()) return std::nullopt;
  return *static_cast<const std::int64_t*>(padding.data);
}

template <class Call>
void ask_keys(const Call& c, AttentionCase& spec) {
  const bool list = c.key_list.size() > 1;
  for (const TensorRef& key : c.key_list) spec.key_list.push_back(numbers_of(glint::dispatch::unpacked(key)));
  for (const TensorRef& value : c.value_list) spec.value_list.push_back(numbers_of(glint::dispatch::unpacked(value)));
  if (!list && !c.key_list.empty()) {  // a list of one is a tensor
    spec.key = std::move(spec.key_list[0]);
    spec.value = std::move(spec.value_list[0]);
    spec.key_list.clear(), spec.value_list.clear();
  } else if (!list) {
    spec.key = numbers_of(glint::dispatch::unpacked(c.key));
    spec.value = numbers_of(glint::dispatch::unpacked(c.value));
  }
  spec.query_rope = numbers_of(c.query_rope);
  spec.key_rope = numbers_of(c.key_rope);
  spec.key_shared_prefix = numbers_of(glint::dispatch::unpacked(c.key_shared_prefix));
  spec.value_shared_prefix = numbers_of(glint::dispatch::unpacked(c.value_shared_prefix));
  if (spec.key_shared_prefix.present() && c.actual_shared_prefix_len >= 0)
    spec.actual_shared_prefix_len = c.actual_shared_prefix_len;
  spec.kv_padding_size = padding_of(c.kv_padding_size);
  if (!c.block_table.present()) return;
  const auto* const ids = static_cast<const std::int32_t*>(c.block_table.data);
  spec.paging.block_size = c.block_size;
  spec.paging.block_table = {shape_of(c.block_table), {ids, ids + c.block_table.shape.elements()}};
}

template <class Call>
void ask_factors(const Call& c, AttentionCase& spec) {
  const auto factors = [](index_t mode, const TensorRef& scale, const TensorRef& offset) {
    return Antiquant{static_cast<int>(mode), numbers_of(scale), numbers_of(offset)};
  };
  spec.antiquant = factors(c.antiquant_mode, c.antiquant_scale, c.antiquant_offset);
  spec.key_antiquant = factors(c.key_antiquant_mode, c.key_antiquant_scale, c.key_antiquant_offset);
  spec.value_antiquant = factors(c.value_antiquant_mode, c.value_antiquant_scale, c.value_antiquant_offset);
  spec.int8.quant_scale2 = numbers_of(c.quant_scale2);
  spec.int8.quant_offset2 = numbers_of(c.quant_offset2);
}

template <class Call>
AttentionCase inference_case(const Call& c, Operator op) {
  AttentionCase spec;
  spec.op = op;
  spec.layout = layout_of(c.input_layout);
  spec.head_num = c.num_heads;
  spec.kv_head_num = c.num_key_value_heads == 0 ? c.num_heads : c.num_key_value_heads;
  spec.scale = as_float(c.scale_value);
  spec.query = numbers_of(c.query);
  spec.pse = numbers_of(c.pse_shift);
  spec.sink = numbers_of(c.learnable_sink);
  ask_keys(c, spec);
  ask_factors(c, spec);
  return spec;
}

}  // namespace

Array numbers_of(const TensorRef& tensor) {
  if (!tensor.present()) return {};
  Array numbers(shape_of(tensor));
  for (index_t i = 0; i < numbers.size(); ++i) numbers.flat(i) = number_of(tensor.data, tensor.dtype, i);
  return numbers;
}

AttentionCase case_of(const glint::FlashAttentionScoreCall& c) {
  AttentionCase spec;
  spec.layout = layout_of(c.input_layout);
  spec.head_num = c.head_num;
  spec.query = numbers_of(c.query);
  spec.key = numbers_of(c.key);
  spec.value = numbers_of(c.value);
  spec.scale = as_float(c.scale_value);
  spec.q_scale = as_float(c.q_scale);
  ask_mask(c, spec);
  ask_bias(c, spec);
  ask_dropout(c, spec);
  spec.actual_seq_qlen = list_of(c.actual_seq_qlen);
  spec.actual_seq_kvlen = list_of(c.actual_seq_kvlen);
  return spec;
}

AttentionCase case_of(const glint::PromptFlashAttentionCall& c) {
  AttentionCase spec = inference_case(c, Operator::prompt);
  spec.sparse_mode = c.sparse_mode >= 10 ? c.sparse_mode - 10 : c.sparse_mode;
  spec.pre_tokens = c.pre_tokens;
  spec.next_tokens = c.next_tokens;
  spec.implied_mask = spec.sparse_mode >= 2;
  if (!spec.implied_mask) spec.attn_mask = mask_of(c.attn_mask);
  spec.actual_seq_qlen = list_of(c.actual_seq_lengths);
  spec.actual_seq_kvlen = list_of(c.actual_seq_lengths_kv);
  spec.query_padding_size = padding_of(c.query_padding_size);
  if (c.query.dtype != DType::i8) return spec;
  spec.int8.dequant_scale1 = numbers_of(c.deq_scale1);
  spec.int8.quant_scale1 = numbers_of(c.quant_scale1);
  spec.int8.dequant_scale2 = numbers_of(c.deq_scale2);
  spec.int8.key_block = glint::recipe::BuiltIn::tile<std::int8_t>::columns;
  return spec;
}

AttentionCase case_of(const glint::IncreFlashAttentionCall& c) {
  const bool causal = c.sparse_mode == 3;
  AttentionCase spec = inference_case(c, causal ? Operator::prompt : Operator::incre);
  spec.sparse_mode = c.sparse_mode;
  spec.implied_mask = causal;
  spec.attn_mask = mask_of(c.attn_mask);
  spec.actual_seq_kvlen = list_of(c.actual_seq_lengths);
  return spec;
}

AttentionCase case_of(const glint::FusedInferAttentionScoreCall& c) {
  glint::PromptFlashAttentionCall prompt = glint::dispatch::as_prompt(c);
  if (c.sparse_mode == 9) prompt.sparse_mode = 0, prompt.attn_mask = {};
  AttentionCase spec = case_of(prompt);
  if (c.sparse_mode != 9) return spec;
  spec.op = Operator::incre;
  spec.sparse_mode = 9;
  spec.attn_mask = mask_of(c.atten_mask);
  return spec;
}

}  // namespace kit::c
