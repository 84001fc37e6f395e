// What is indexed by rows, keys and heads has an element for each of them.
#include "kit/bundle/sound_parts.hpp"
#include "kit/bundle/types.hpp"

namespace kit::sound {

namespace {

using glint::reference::Operator;
using glint::reference::PseForm;

template <class Element>
std::string wrong_shape(const char* name, const glint::reference::NdArray<Element>& tensor, const std::string& wanted) {
  return wrong(name, "shape " + text_of(tensor.shape) + ", want " + wanted);
}

// Axes from the right that must have at least so many elements; of all but the last, one will do.
struct Wanted {
  index_t columns = 0, rows = 0, heads = 0, batches = 0;
};

template <class Element>
std::string check_broadcast(const char* name, const glint::reference::NdArray<Element>& tensor, const Wanted& least) {
  const auto extent = [&](index_t from_the_right) {
    return from_the_right > tensor.rank() ? 1 : tensor.shape[static_cast<std::size_t>(tensor.rank() - from_the_right)];
  };
  const auto broad = [&](index_t axis, index_t count) { return extent(axis) == 1 || extent(axis) >= count; };
  const bool fits = tensor.rank() <= 4 && extent(1) >= least.columns && broad(2, least.rows) && broad(3, least.heads) &&
                    broad(4, least.batches);
  if (fits) return {};
  return wrong_shape(name, tensor,
                     "at least " + text_of({least.batches, least.heads, least.rows, least.columns}) +
                         ", where all but the last may be 1 or missing");
}

std::string check_tree(const ByteArray& tree, const Reach& reach) {
  if (tree.rank() == 1)
    return tree.size() >= reach.squares ? ""
                                        : wrong_shape("attn_mask", tree, "(" + std::to_string(reach.squares) + ")");
  const bool fits = tree.rank() == 3 && (tree.shape[0] == 1 || tree.shape[0] >= reach.entries) &&
                    tree.shape[1] >= reach.most_rows && tree.shape[2] >= reach.most_rows;
  return fits ? "" : wrong_shape("attn_mask", tree, text_of({reach.entries, reach.most_rows, reach.most_rows}));
}

std::string check_mask(const AttentionCase& spec, const Shapes& shapes, const Reach& reach) {
  const ByteArray& mask = spec.attn_mask;
  if (!mask.present() || reach.scores == 0) return {};
  if (reach.reads_tree) return check_tree(mask, reach);
  if (!reach.reads_mask) return {};
  if (mask.rank() == 4)
    return check_broadcast("attn_mask", mask, {reach.columns, reach.rows, spec.head_num, reach.entries});
  if (mask.rank() == 3) return check_broadcast("attn_mask", mask, {reach.columns, reach.rows, reach.entries, 1});
  const bool packed = glint::reference::is_packed(shapes.layout);
  const bool row_per_batch = spec.op != Operator::score && !packed && shapes.query.rows == 1;
  return check_broadcast("attn_mask", mask, {reach.columns, row_per_batch ? reach.entries : reach.rows, 1, 1});
}

// Slopes of types 2 and 3.
std::string check_slopes(const AttentionCase& spec, const Reach& reach) {
  const Array& slopes = spec.pse;
  const bool per_batch = slopes.rank() == 2 && slopes.shape[0] > 1;
  const bool fits =
      per_batch ? slopes.shape[0] >= reach.entries && slopes.shape[1] >= spec.head_num : slopes.size() >= spec.head_num;
  return fits ? "" : wrong_shape("pse", slopes, "a slope for each head, or for each batch entry and head");
}

std::string check_compressed(const AttentionCase& spec, const Reach& reach) {
  if (!reach.causal || !reach.square) return "pse_form: 'compressed' wants mode 2 or 3, and as many keys as rows";
  constexpr index_t rows = glint::reference::detail::compressed_rows;
  if (spec.pse.rank() < 2 || spec.pse.shape[static_cast<std::size_t>(spec.pse.rank() - 2)] != rows)
    return wrong_shape("pse", spec.pse, "1024 rows");
  return check_broadcast("pse", spec.pse, {reach.most_keys, rows, spec.head_num, reach.entries});
}

std::string check_flat(const AttentionCase& spec, index_t least) {
  if (spec.pse.size() >= least * spec.head_num) return {};
  return wrong_shape("pse", spec.pse, "at least " + std::to_string(least * spec.head_num) + " elements");
}

std::string check_pse(const AttentionCase& spec, const Reach& reach) {
  if (!spec.pse.present() || reach.scores == 0) return {};
  if (spec.op == Operator::score && spec.pse_type >= 2) return check_slopes(spec, reach);
  switch (spec.pse_form) {
    case PseForm::flat_score: return check_flat(spec, reach.scores);
    case PseForm::flat_column: return check_flat(spec, reach.all_columns);
    case PseForm::compressed: return check_compressed(spec, reach);
    case PseForm::dense: break;
  }
  return check_broadcast("pse", spec.pse, {reach.columns, reach.rows, spec.head_num, reach.entries});
}

std::string check_drop(const AttentionCase& spec, const Reach& reach) {
  if (spec.keep_prob == 1 || spec.philox) return {};
  const index_t bytes = (spec.head_num * reach.scores + 7) / 8;
  if (spec.drop_mask.size() >= bytes) return {};
  return want("drop_mask", "bytes", spec.drop_mask.size(), "at least " + std::to_string(bytes));
}

std::string check_sink(const AttentionCase& spec) {
  if (!spec.sink.present() || spec.sink.size() >= spec.head_num) return {};
  return want("sink", "elements", spec.sink.size(), std::to_string(spec.head_num));
}

}  // namespace

std::string check_masks(const AttentionCase& spec, const Shapes& shapes, const Reach& reach) {
  std::string error = check_mask(spec, shapes, reach);
  if (error.empty()) error = check_pse(spec, reach);
  if (error.empty()) error = check_drop(spec, reach);
  return error.empty() ? check_sink(spec) : error;
}

}  // namespace kit::sound
