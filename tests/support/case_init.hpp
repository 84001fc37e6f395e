// init=onehot and init=poison of a training case.
#pragma once

#include "glint/reference/attention.hpp"
#include "support/init.hpp"
#include "support/random_case.hpp"

namespace glint_test::detail {

// Rows of no sequence hold NaN and keep it.
template <class T, class Tensor>
auto put_number(Tensor& tensor, glint::reference::Array& array) {
  return [&](index_t at, double number) {
    if (std::isnan(array.flat(at))) return;
    tensor.data()[at] = glint::from_float<T>(static_cast<float>(number));
    array.flat(at) = number;
  };
}

template <class T, class Data>
void make_one_hot(const char* layout, Data& data) {
  const double step = one_hot_step(static_cast<double>(data.scale) * static_cast<double>(data.q_scale));
  one_hot_query(data.q_extent, layout, step, put_number<T>(data.q, data.spec.query));
  one_hot_keys(data.kv_extent, layout, 0, put_number<T>(data.k, data.spec.key));
}

// [batch of the tensor][N2][row of the tensor]: does any row see this key?
inline std::vector<bool> seen_keys(const glint::reference::AttentionCase& spec, const glint::reference::Extent& e) {
  using namespace glint::reference;
  std::vector<bool> seen(static_cast<std::size_t>(e.batch * e.heads * e.rows));
  const std::vector<Entry> entries = entries_of(spec);
  for (const Entry& entry : entries) {
    const SparseRule rule = rule_of(spec, entries, entry);
    for (index_t head = 0; head < spec.head_num; ++head)
      for (index_t i = 0; i < entry.rows; ++i)
        for (index_t j = 0; j < entry.keys(); ++j)
          if (glint::reference::detail::sees(spec, entry, rule, head, i, j)) {
            const index_t kv_head = head / (spec.head_num / e.heads);
            seen[static_cast<std::size_t>((entry.kv_batch * e.heads + kv_head) * e.rows + entry.first_key + j)] = true;
          }
  }
  return seen;
}

template <class T, class Data>
void poison_unseen_keys(const char* layout, Data& data) {
  const std::vector<bool> seen = seen_keys(data.spec, data.kv_extent);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto spoil = [&](const glint::reference::Extent& e, auto& tensor, glint::reference::Array& array) {
    const auto put = put_number<T>(tensor, array);
    for (index_t b = 0; b < e.batch; ++b)
      for (index_t n = 0; n < e.heads; ++n)
        for (index_t i = 0; i < e.rows; ++i)
          if (!seen[static_cast<std::size_t>((b * e.heads + n) * e.rows + i)])
            for (index_t d = 0; d < e.width; ++d) put(glint::reference::row_position(e, layout, b, n, i) + d, nan);
  };
  spoil(data.kv_extent, data.k, data.spec.key);
  spoil(data.v_extent, data.v, data.spec.value);
}

}  // namespace glint_test::detail
