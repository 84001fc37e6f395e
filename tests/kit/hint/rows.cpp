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
  const bool seen = kernel_.sees ? kernel_.sees(at) : parts::sees(spec, at.entry, at.rule, at.head, at.i, at.j);
  if (!seen && kernel_.masked_score) scores.x(at.j) = *kernel_.masked_score;
  if (!seen && !kernel_.backward.sees_masked) return;
  const auto key = scores.kv->keys.row(at.j);
  const double pse = kernel_.pse ? kernel_.pse(at) : parts::pse_at(spec, at.entry, at.head, at.i, at.j);
  const double product = kernel_.product ? kernel_.product(scores.query, key.transpose()) : key.dot(scores.query);
  (seen ? scores.x : scores.hidden)(at.j) = biased(product, pse);
  scores.slope(at.j) = parts::cap_slope(spec, product, pse);
  if (!seen || parts::is_minus_infinity(scores.x(at.j))) return;
  const double absolute = key.cwiseAbs().dot(scores.query.cwiseAbs());
  scores.score_abs =
      parts::max_or_nan(scores.score_abs, std::abs(kernel_.score_factor) * parts::absolute_score(spec, absolute, pse));
}

RowScores Trial::compute_scores(const Entry& entry, const Row& row) {
  const AttentionCase& spec = kernel_.spec;
  const index_t heads = reference::query_extent(spec).heads, kv_heads = entry.kv_heads;
  const index_t kv_head = kernel_.kv_head ? kernel_.kv_head(row.head, heads, kv_heads) : row.head / (heads / kv_heads);
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

}  // namespace kit::hinting
