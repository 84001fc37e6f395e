// Evaluates rows with the pieces of the oracle, a hook of the kernel wherever it has one.
#include "kit/hint/rows.hpp"

#include <cmath>

#include "glint/reference/attention.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

constexpr double kInfinity = reference::infinity;

// The tensors that a hypothesis never edits, and that are too large to copy for each.
std::vector<Array*> large_tensors(AttentionCase& spec) {
  std::vector<Array*> all{&spec.query, &spec.key, &spec.value, &spec.query_rope, &spec.key_rope};
  for (Array& key : spec.key_list) all.push_back(&key);
  for (Array& value : spec.value_list) all.push_back(&value);
  return all;
}

void swap_tensors(AttentionCase& left, AttentionCase& right) {
  const std::vector<Array*> ours = large_tensors(left), theirs = large_tensors(right);
  for (std::size_t t = 0; t < std::min(ours.size(), theirs.size()); ++t) std::swap(ours[t]->data, theirs[t]->data);
}

struct Loan {
  Loan(AttentionCase& from, AttentionCase& to) : from_(from), to_(to) { swap_tensors(from_, to_); }
  ~Loan() { swap_tensors(from_, to_); }
  AttentionCase &from_, &to_;
};

// The same numbers under another layout's name.
void read_as(const std::string& layout, const std::string& other, index_t heads, Array& tensor) {
  if (!tensor.present() || other.empty()) return;
  tensor.shape = reference::shape_of(reference::extent_of(tensor, layout, heads), other);
}

}  // namespace

Scene::Scene(const Question& question) : question_(question), light_(question.spec) {
  const std::vector<Array*> large = large_tensors(light_);
  tensors_.key_list.resize(light_.key_list.size());
  tensors_.value_list.resize(light_.value_list.size());
  swap_tensors(light_, tensors_);
}

Kernel Scene::as_asked() const {
  Kernel kernel;
  kernel.spec = light_;
  return kernel;
}

template <class Use>
auto Scene::with_tensors(AttentionCase& spec, const Use& use) {
  const Loan loan(tensors_, spec);
  return use();
}

Trial::Trial(Scene& scene, Kernel kernel) : scene_(scene), kernel_(std::move(kernel)) {
  entries_ = reference::entries_of(kernel_.spec);
  if (kernel_.entries) kernel_.entries(entries_);
  for (const Entry& entry : entries_) rules_.push_back(reference::rule_of(kernel_.spec, entries_, entry));
}

const Entry* Trial::entry_of(const Row& row) const {
  for (const Entry& entry : entries_) {
    const bool inside = row.row >= entry.first_row && row.row < entry.first_row + entry.rows;
    if (entry.q_batch == row.batch && inside) return &entry;
  }
  return nullptr;
}

std::shared_ptr<const GatheredKeys> Trial::keys(const Entry& entry, index_t kv_head) {
  auto& known = kernel_.gathers ? own_keys_ : scene_.keys;
  std::shared_ptr<const GatheredKeys>& head = known[{entry.batch, kv_head}];
  if (head) return head;
  AttentionCase& spec = kernel_.spec;
  const std::string plain = reference::input_layout(spec.layout);
  const index_t kv_heads = reference::kv_heads_of(spec);
  const auto gather = [&](const std::string& other) {
    if (other.empty()) return reference::head_keys(spec, entry, kv_head);
    AttentionCase reading = spec;  // shapes only
    reading.layout = other;
    reading.kv_head_num = kv_heads;
    read_as(plain, other, kv_heads, reading.key);
    read_as(plain, other, kv_heads, reading.value);
    return scene_.with_tensors(reading, [&] { return reference::head_keys(reading, entry, kv_head); });
  };
  GatheredKeys read;
  if (kernel_.key_layout.empty() && kernel_.value_layout.empty()) {
    static_cast<HeadKeys&>(read) = scene_.with_tensors(spec, [&] { return gather({}); });
  } else {
    read.keys = gather(kernel_.key_layout.empty() ? plain : kernel_.key_layout).keys;
    read.values = gather(kernel_.value_layout.empty() ? plain : kernel_.value_layout).values;
  }
  if (kernel_.keys_as_read) kernel_.keys_as_read(read);
  for (const double value : read.values.reshaped())  // fmax: what nobody reads may be NaN
    read.largest_value = std::fmax(read.largest_value, std::abs(value));
  return head = std::make_shared<const GatheredKeys>(std::move(read));
}

Vector Trial::query(const Entry& entry, const Row& row) {
  AttentionCase& spec = kernel_.spec;
  const std::string plain = reference::input_layout(spec.layout);
  const std::string layout = kernel_.query_layout.empty() ? plain : kernel_.query_layout;
  Vector query = scene_.with_tensors(spec, [&] {
    const auto read = [&](const Array& tensor) {
      if (!tensor.present()) return Vector();
      Array as_read;
      as_read.shape = tensor.shape;
      read_as(plain, layout, spec.head_num, as_read);
      const reference::Extent extent = reference::extent_of(as_read, layout, spec.head_num);
      const index_t start = reference::row_position(extent, layout, entry.q_batch, row.head, row.row);
      Vector values(extent.width);
      for (index_t d = 0; d < extent.width; ++d) values(d) = tensor.flat(start + d);
      return values;
    };
    const Vector plain_part = read(spec.query), rope = read(spec.query_rope);
    Vector both(plain_part.size() + rope.size());
    both << plain_part, rope;
    return both;
  });
  if (kernel_.query_as_read) kernel_.query_as_read(query);
  return query;
}

double Trial::biased(double product, double pse) const {
  const AttentionCase& spec = kernel_.spec;
  if (!spec.int8.dequant_scale1.present()) return parts::biased_score(spec, product, pse) * kernel_.score_factor;
  const double scale = reference::round_to_half(spec.scale);
  const double scaled =
      reference::round_to_half(parts::dequantise(product, spec.int8.dequant_scale1) * scale * kernel_.score_factor);
  return spec.pse.present() ? reference::round_to_half(scaled + reference::round_to_half(pse)) : scaled;
}

void Trial::score(const ScoreAt& at, RowScores& scores) const {
  const AttentionCase& spec = kernel_.spec;
  const bool seen =
      kernel_.sees ? kernel_.sees(at) : parts::sees(spec, at.entry, at.rule, at.head, at.i, at.j);
  if (!seen && kernel_.masked_score) scores.x(at.j) = *kernel_.masked_score;
  if (!seen && !kernel_.backward.sees_masked) return;
  const auto key = scores.kv->keys.row(at.j);
  const double pse = kernel_.pse ? kernel_.pse(at) : parts::pse_at(spec, at.entry, at.head, at.i, at.j);
  const double product =
      kernel_.product ? kernel_.product(scores.query, key.transpose()) : key.dot(scores.query);
  (seen ? scores.x : scores.hidden)(at.j) = biased(product, pse);
  scores.slope(at.j) = parts::cap_slope(spec, product, pse);
  if (!seen || parts::is_minus_infinity(scores.x(at.j))) return;
  const double absolute = key.cwiseAbs().dot(scores.query.cwiseAbs());
  scores.score_abs = parts::max_or_nan(scores.score_abs, std::abs(kernel_.score_factor) *
                                                             parts::absolute_score(spec, absolute, pse));
}

RowScores Trial::compute_scores(const Entry& entry, const Row& row) {
  const AttentionCase& spec = kernel_.spec;
  const index_t heads = reference::query_extent(spec).heads, kv_heads = entry.kv_heads;
  const index_t kv_head =
      kernel_.kv_head ? kernel_.kv_head(row.head, heads, kv_heads) : row.head / (heads / kv_heads);
  const SparseRule& rule = rules_[static_cast<std::size_t>(&entry - entries_.data())];
  RowScores scores;
  scores.kv = keys(entry, kv_head);
  scores.query = query(entry, row);
  scores.x = scores.hidden = Vector::Constant(entry.keys(), -kInfinity);
  scores.drop = scores.slope = Vector::Ones(entry.keys());
  scores.sink = spec.sink.present() ? spec.sink.flat(row.head) : -kInfinity;
  scores.spec = &spec;
  scores.i = row.row - entry.first_row;
  scores.rule = rule;
  for (index_t j = 0; j < entry.keys(); ++j) {
    const ScoreAt at{spec, entry, rule, row.head, scores.i, j};
    score(at, scores);
    const bool takes_part = !parts::is_minus_infinity(scores.x(j)) || !parts::is_minus_infinity(scores.hidden(j));
    if (takes_part)
      scores.drop(j) = kernel_.drop ? kernel_.drop(at) : parts::drop_factor(spec, entry, row.head, scores.i, j);
  }
  return scores;
}

std::optional<RowScores> Trial::scores(const Row& row) {
  const auto compute = [&]() -> std::optional<RowScores> {
    const Entry* const entry = entry_of(row);
    if (entry == nullptr) return std::nullopt;
    return compute_scores(*entry, row);
  };
  if (!kernel_.keeps_scores) return compute();
  const auto [known, fresh] = scene_.scores.try_emplace({row.batch, row.row, row.head});
  if (fresh) known->second = compute();
  std::optional<RowScores> scores = known->second;
  if (scores) scores->spec = &kernel_.spec;
  return scores;
}

RowResult exact_row(const RowScores& scores) {
  const reference::Matrix& values = scores.kv->values;
  RowResult row;
  row.out = row.weight = Vector::Zero(values.cols());
  row.score_abs = scores.score_abs;
  double max = scores.sink;
  for (const double x : scores.x) max = parts::max_or_nan(max, x);
  double sum = parts::is_minus_infinity(scores.sink) ? 0 : std::exp(scores.sink - max);
  for (index_t j = 0; j < scores.x.size(); ++j) {
    if (parts::is_minus_infinity(scores.x(j))) continue;
    const double weight = std::exp(scores.x(j) - max);
    sum += weight;
    row.out += weight * scores.drop(j) * values.row(j).transpose();
    row.weight += weight * scores.drop(j) * values.row(j).cwiseAbs().transpose();
  }
  row.out /= sum;
  row.weight /= sum;
  row.max = max, row.sum = sum, row.lse = std::log(sum) + max;
  return row;
}

RowResult Trial::blank() const {
  const AttentionCase& spec = kernel_.spec;
  RowResult row;
  row.state = RowState::empty;
  row.out = row.weight = Vector::Zero(parts::output_extent(spec).width);
  const bool no_keys = spec.op == reference::Operator::score && parts::key_tensor_is_empty(spec);
  row.max = no_keys ? 0 : -reference::float_max;
  row.sum = no_keys ? 0 : reference::float_max;
  row.lse = kInfinity;
  return row;
}

RowResult Trial::attend(const RowScores& scores) const {
  const AttentionCase& spec = kernel_.spec;
  if (!parts::saw_nothing(scores.x)) {
    if (kernel_.softmax) return kernel_.softmax(scores);
    if (!spec.int8.dequant_scale1.present()) return exact_row(scores);
    const reference::Int8Row row = reference::int8_row(spec, scores.x, scores.kv->values);
    return {RowState::computed, row.out, row.weighted_abs_v, {},           row.max,
            row.sum,            std::log(row.sum) + row.max, row.score_abs};
  }
  RowResult row = blank();
  const auto keys = static_cast<double>(scores.x.size());
  if (!parts::is_minus_infinity(scores.sink)) {
    row.max = row.lse = scores.sink;
    row.sum = 1;
  } else if (spec.invalid_row == reference::InvalidRow::uniform && keys > 0) {
    row.state = RowState::computed;
    row.out = scores.kv->values.colwise().mean().transpose();
    row.weight = scores.kv->values.cwiseAbs().colwise().mean().transpose();
    row.sum = keys;
    row.lse = std::log(keys) - reference::float_max;
  }
  return row;
}

Roundoff roundoff_of(DType type) {
  if (type == DType::f16) return {0x1p-11, 0x1p-25};
  if (type == DType::bf16) return {0x1p-8, 0x1p-126};
  return {0x1p-24, 0x1p-126};
}

// The error contract, with W and A of this kernel.
void Trial::allow(const RowScores& scores, RowResult& result) const {
  const Question& question = scene_.question();
  const AttentionCase& spec = kernel_.spec;
  const auto [relative, tiny] = roundoff_of(question.out_type);
  if (spec.int8.dequant_scale1.present()) {
    const double quantum = 128 * std::abs(spec.int8.dequant_scale2.flat(0)) / result.sum;
    result.allowed = 0x1p-9 * result.out.cwiseAbs() + 0x1p-10 * result.weight;
    result.allowed.array() += quantum + 0x1p-22;
    return;
  }
  const bool no_scores = result.max == -reference::float_max;  // the mean of all values
  const double score_abs = no_scores ? 0 : std::max(result.score_abs, std::abs(result.max));
  const double lost = 0x1p-126 * static_cast<double>(scores.x.size()) * scores.kv->largest_value / spec.keep_prob;
  const double relative_to_weight = kUnit * (1 + score_abs) + (question.rounds_p ? 0x1p-8 : 0);
  result.allowed = relative * result.out.cwiseAbs() + relative_to_weight * result.weight;
  result.allowed.array() += tiny + lost;
}

// Post-quantization, operators of int8 output, without its rounding.
void Trial::quantise(const Row& row, RowResult& result) const {
  const reference::Int8Factors& factors = kernel_.spec.int8;
  if (!factors.quant_scale2.present()) return;
  const auto factor = [&](const Array& of, index_t d) {
    if (!of.present()) return 0.0;
    return of.flat(of.size() == 1 ? 0 : row.head * result.out.size() + d);
  };
  for (index_t d = 0; d < result.out.size(); ++d) {
    const double scaled = result.out(d) * factor(factors.quant_scale2, d), offset = factor(factors.quant_offset2, d);
    result.out(d) = scaled + offset;
    result.allowed(d) = std::abs(factor(factors.quant_scale2, d)) * result.allowed(d) +
                        0x1p-22 * (std::abs(scaled) + std::abs(offset));
  }
}

RowResult Trial::row(const Row& row) {
  try {
    return computed_row(row);
  } catch (const std::out_of_range&) {
    RowResult unknown;
    unknown.state = RowState::unknown;
    return unknown;
  }
}

RowResult Trial::computed_row(const Row& row) {
  const std::optional<RowScores> scores = this->scores(row);
  if (!scores) {
    RowResult result = blank();
    result.state = kernel_.outside;
    result.allowed = result.out;
    quantise(row, result);
    return result;
  }
  RowResult result = attend(*scores);
  if (kernel_.after) kernel_.after(*scores, result);
  if (result.state == RowState::computed) {
    allow(*scores, result);
  } else {
    result.allowed = Vector::Zero(result.out.size());
  }
  quantise(row, result);
  return result;
}

}  // namespace kit::hinting
