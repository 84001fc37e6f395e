// Tensors of a question as a foreign kernel sees them, and what it made of them.
#include "kit/check/provider_case.hpp"

#include <algorithm>
#include <limits>

#include "kit/bundle/types.hpp"

namespace kit::detail {

namespace oracle = glint::reference;

namespace {

std::uint32_t code_of(DType dtype) {
  return dtype == DType::f16 ? GLINT_F16 : dtype == DType::bf16 ? GLINT_BF16 : GLINT_F32;
}
bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

}  // namespace

std::string ProviderCase::refuse(const Question& question) const {
  const AttentionCase& spec = question.spec;
  const auto none = [](const char* what) { return std::string("the interface of providers has no ") + what; };
  for (const char* const name : {"query", "key", "value", "d_out"})
    if (!is_float(question.type_of(name))) return none("integers (") + name + ")";
  if (spec.int8.dequant_scale1.present() || spec.antiquant.scale.present() || spec.key_antiquant.scale.present() ||
      spec.value_antiquant.scale.present())
    return none("integers");
  if (!is_float(question.out_type) || spec.int8.quant_scale2.present()) return none("output of integers");
  if (!spec.key_list.empty()) return none("lists of caches");
  if (spec.key_shared_prefix.present()) return none("shared prefix");
  if (spec.query_rope.present()) return none("rope part beside the queries");
  if (spec.invalid_row == oracle::InvalidRow::uniform) return none("mean of v for rows that see nothing");
  const bool paged = spec.paging.block_table.present();
  if (paged && spec.key.rank() == 5) return none("pages of five axes");
  if (question.gradient && paged) return none("gradient of pages");
  if (question.gradient && (spec.sink.present() || (spec.pse.present() && spec.pse_type < 2)))
    return none("gradient of a bias or a sink");
  return {};
}

std::string ProviderCase::build(const Question& question) {
  std::string why = refuse(question);
  if (!why.empty()) return why;
  spec_ = &question.spec;
  problem_.size = sizeof problem_;
  problem_.threads = 1;
  problem_.op = question.gradient                             ? GLINT_BACKWARD
                : question.spec.op == oracle::Operator::incre ? GLINT_DECODE
                                                              : GLINT_FORWARD;
  place_entries(question);
  const glint_problem& p = problem_;
  if (p.batch < 1 || p.q_len < 1 || p.kv_len < 1 || p.heads < 1 || p.head_dim < 1 || p.value_dim < 1)
    return "the interface of providers has no empty tensors";
  why = set_scores(question);
  if (!why.empty()) return why;
  set_inputs(question);
  set_outputs(question);
  return {};
}

// Extents, and which rows are whose.
void ProviderCase::place_entries(const Question& question) {
  const AttentionCase& spec = question.spec;
  entries_ = oracle::entries_of(spec);
  for (const oracle::Entry& entry : entries_) rules_.push_back(oracle::rule_of(spec, entries_, entry));
  const oracle::Extent rows = oracle::query_extent(spec);
  ragged_ = oracle::is_packed(oracle::input_layout(spec.layout));
  for (const oracle::Entry& entry : entries_)
    ragged_ = ragged_ || entry.rows != rows.rows || entry.first_row != 0 || entry.first_key != 0;
  glint_problem& p = problem_;
  p.batch = static_cast<std::int64_t>(entries_.size());
  p.heads = rows.heads;
  p.kv_heads = oracle::kv_heads_of(spec);
  p.head_dim = rows.width;
  p.value_dim = oracle::detail::head_width(spec, spec.value);
  bool all_keys = true;
  for (const oracle::Entry& entry : entries_) {
    p.q_len = std::max(p.q_len, entry.rows);
    p.kv_len = std::max(p.kv_len, entry.keys());
    all_keys = all_keys && entry.keys() == entries_.front().keys();
    kv_lens_.push_back(entry.keys());
    q_first_.push_back(entry.first_row);
    q_rows_.push_back(entry.rows);
    kv_first_.push_back(entry.first_key);
  }
  const bool paged = spec.paging.block_table.present();
  if (!all_keys || ragged_) p.kv_lens = kv_lens_.data();
  if (ragged_) p.q_first = q_first_.data(), p.q_rows = q_rows_.data();
  if (ragged_ && !paged) p.kv_first = kv_first_.data();
  if (paged) set_pages(spec);
}

void ProviderCase::set_pages(const AttentionCase& spec) {
  for (const index_t page : spec.paging.block_table.data) table_.push_back(static_cast<std::int32_t>(page));
  problem_.block_table = table_.data();
  problem_.blocks_per_entry = spec.paging.block_table.shape[1];
  problem_.block_size = spec.paging.block_size;
}

void ProviderCase::set_strides(const Array& like, const std::string& layout, index_t heads, glint_tensor& to) const {
  if (layout == "NBSD") {
    to.row_stride = like.shape[3];
    to.batch_stride = like.shape[2] * to.row_stride;
    to.head_stride = like.shape[1] * to.batch_stride;
    return;
  }
  const oracle::Extent e = oracle::extent_of(like, layout, heads);
  const auto step = [&](index_t b, index_t head, index_t row) { return oracle::row_position(e, layout, b, head, row); };
  to.batch_stride = oracle::is_packed(layout) ? 0 : step(1, 0, 0);
  to.head_stride = step(0, 1, 0);
  to.row_stride = step(0, 0, 1);
}

void ProviderCase::add_input(const std::string& name, const Array& numbers, DType dtype, glint_tensor& to) {
  const bool of_queries = name == "query" || name == "d_out" || name == "out";
  const index_t heads = of_queries ? problem_.heads : problem_.kv_heads;
  std::string layout =
      name == "query" || !of_queries ? oracle::input_layout(spec_->layout) : oracle::output_layout(spec_->layout);
  if (problem_.block_table != nullptr && !of_queries) layout = numbers.rank() == 3 ? "BSH" : "BNSD";
  const Tensor tensor = tensor_of(numbers, storage_of(dtype));
  inputs_.push_back({name, tensor, tensor});
  to.data = inputs_.back().tensor.bytes.data();
  to.dtype = code_of(dtype);
  set_strides(numbers, layout, heads, to);
}

float* ProviderCase::input_statistic(const Array& from) {
  given_.emplace_back(static_cast<std::size_t>(problem_.batch * problem_.heads * problem_.q_len), 0.0F);
  std::vector<float>& to = given_.back();
  for (std::size_t b = 0; b < entries_.size(); ++b)
    for (index_t head = 0; head < problem_.heads; ++head)
      for (index_t i = 0; i < entries_[b].rows; ++i) {
        const index_t row =
            oracle::detail::statistics_position(*spec_, entries_[b].q_batch, head, entries_[b].first_row + i);
        to[static_cast<std::size_t>((static_cast<index_t>(b) * problem_.heads + head) * problem_.q_len + i)] =
            static_cast<float>(from.flat(row));
      }
  return to.data();
}

void ProviderCase::set_inputs(const Question& question) {
  const AttentionCase& spec = question.spec;
  add_input("query", spec.query, question.type_of("query"), problem_.q);
  add_input("key", spec.key, question.type_of("key"), problem_.k);
  add_input("value", spec.value, question.type_of("value"), problem_.v);
  if (!question.gradient) return;
  const oracle::AttentionResult forward = oracle::attention(spec);
  problem_.softmax_max = input_statistic(forward.softmax_max);
  problem_.softmax_sum = input_statistic(forward.softmax_sum);
  add_input("out", forward.out, question.out_type, problem_.out);
  add_input("d_out", question.d_out, question.type_of("d_out"), problem_.d_out);
}

void ProviderCase::add_output(const std::string& name, const Array& like, bool of_keys, DType dtype, glint_tensor& to) {
  const std::string layout = name == "out" ? oracle::output_layout(spec_->layout) : oracle::input_layout(spec_->layout);
  const index_t heads = of_keys ? problem_.kv_heads : problem_.heads;
  const auto elements = static_cast<std::size_t>(like.size());
  Output output{name, storage_of(dtype), like.shape, {}, std::vector<bool>(elements, false)};
  output.bytes = GuardedBytes(elements * bytes_of(output.type), bytes_of(output.type));
  outputs_.push_back(std::move(output));
  to.data = outputs_.back().bytes.data();
  to.dtype = code_of(dtype);
  set_strides(like, layout, heads, to);
  mark_owned(of_keys, name == "out" || name == "d_value" ? problem_.value_dim : problem_.head_dim, to);
}

// The elements of the last output that the kernel owes.
void ProviderCase::mark_owned(bool of_keys, index_t width, const glint_tensor& to) {
  const index_t heads = of_keys ? problem_.kv_heads : problem_.heads;
  for (const oracle::Entry& entry : entries_) {
    const index_t batch = of_keys ? entry.kv_batch : entry.q_batch, first = of_keys ? entry.first_key : entry.first_row;
    for (index_t head = 0; head < heads; ++head)
      for (index_t i = 0; i < (of_keys ? entry.keys() : entry.rows); ++i) {
        const index_t at = batch * to.batch_stride + head * to.head_stride + (first + i) * to.row_stride;
        std::fill_n(outputs_.back().owned.begin() + at, width, true);
      }
  }
}

void ProviderCase::set_outputs(const Question& question) {
  const AttentionCase& spec = question.spec;
  if (question.gradient) {
    add_output("d_query", spec.query, false, question.out_type, problem_.d_q);
    add_output("d_key", spec.key, true, question.out_type, problem_.d_k);
    add_output("d_value", spec.value, true, question.out_type, problem_.d_v);
    want(true, false);
    return;
  }
  oracle::Extent extent = oracle::query_extent(spec);
  extent.width = problem_.value_dim;
  const Array out(oracle::shape_of(extent, oracle::output_layout(spec.layout)));
  add_output("out", out, false, question.out_type, problem_.out);
  const auto rows = static_cast<std::size_t>(problem_.batch * problem_.heads * problem_.q_len);
  for (GuardedBytes* const each : {&max_, &sum_, &lse_}) *each = GuardedBytes(rows * sizeof(float), sizeof(float));
  want(true, true);
}

}  // namespace kit::detail
