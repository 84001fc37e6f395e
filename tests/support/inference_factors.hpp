// What an inference case's integers mean, its sinks, and NaN in what no row sees of the cache and of its factors.
#pragma once

#include "support/inference_data.hpp"

namespace glint_test {

namespace detail {

struct FactorForm {
  index_t mode, single, width;
};
inline FactorForm k_form(const InferenceCase& c) { return {c.k_mode, c.k_single, c.dim}; }
inline FactorForm v_form(const InferenceCase& c) { return {c.v_mode, c.v_single, c.value_dim}; }

// The table of operators 4.3, with room for more columns than needed.
inline std::vector<index_t> factor_shape(const InferenceCase& c, const InferenceData& data, const FactorForm& form) {
  const index_t columns = data.lists.columns + static_cast<index_t>(c.seed % 3);
  switch (form.mode) {
    case 0: return form.single != 0 ? std::vector<index_t>{1} : std::vector<index_t>{c.kv_heads, form.width};
    case 1: return {c.batch, columns};
    case 2: return {c.kv_heads};
    case 3: return {c.batch, c.kv_heads, columns};
    case 4: return {data.blocks, c.block_size};
    default: return {data.blocks, c.kv_heads, c.block_size};
  }
}

// Where the factor of number d of a key stands.
inline index_t factor_at(const InferenceCase& c, const InferenceData& data, const FactorForm& form, index_t b,
                         index_t head, index_t key, index_t d) {
  const index_t columns = data.lists.columns + static_cast<index_t>(c.seed % 3);
  const KeySpot spot = form.mode >= 4 ? data.spot(c, b, key) : KeySpot{};
  switch (form.mode) {
    case 0: return form.single != 0 ? 0 : head * form.width + d;
    case 1: return b * columns + data.column(b, key);
    case 2: return head;
    case 3: return (b * c.kv_heads + head) * columns + data.column(b, key);
    case 4: return spot.batch * c.block_size + spot.row;
    default: return (spot.batch * c.kv_heads + head) * c.block_size + spot.row;
  }
}

inline bool any_row_sees(InferenceData& data, index_t b, index_t key) {
  bool any = false;
  for (index_t i = 0; i < data.lists.rows(b); ++i) any = any || data.sees(b, i, data.column(b, key)) != 0;
  return any;
}

// each(b, key) for all keys that some query row sees.
template <class Each>
void for_seen_keys(const InferenceCase& c, InferenceData& data, const Each& each) {
  for (index_t b = 0; b < c.batch; ++b)
    for (index_t key = 0; key < data.lists.keys(b); ++key)
      if (any_row_sees(data, b, key)) each(b, key);
}

inline void spoil_factors(const InferenceCase& c, InferenceData& data, const FactorForm& form, index_t first,
                          Operand& scale, Operand& offset) {
  if (form.mode == 0 || form.mode == 2) return;
  std::vector<std::uint8_t> read(Array::element_count(factor_shape(c, data, form)), 0);
  for_seen_keys(c, data, [&](index_t b, index_t key) {
    for (index_t head = 0; head < c.kv_heads; ++head)
      read[static_cast<std::size_t>(factor_at(c, data, form, b, head, key, 0))] = 1;
  });
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (read[i] != 0) continue;
    scale.spoil(first + static_cast<index_t>(i));
    if (offset.present()) offset.spoil(first + static_cast<index_t>(i));
  }
}

inline void fill_factors(const InferenceCase& c, InferenceData& data) {
  if (!c.integer_cache()) return;
  const double range = c.cache == kInt8 ? 64 : 4;
  const auto draw = [&](const FactorForm& form, bool with_offset, double spread, double mean, std::uint64_t number,
                        Operand& scale, Operand& offset) {
    std::vector<index_t> shape = factor_shape(c, data, form);
    if (c.joint != 0 && form.mode == 0 && form.single != 0)
      shape = {2};
    else if (c.joint != 0)
      shape.insert(shape.begin(), 2);
    scale = Operand(kDTypes[c.factors], shape, c.skew);
    Random random = stream(c, number);
    for (index_t i = 0; i < scale.size(); ++i)
      scale.set(i, (random.chance(5) ? -1 : 1) * spread / range * (0.5 + static_cast<double>(random.below(64)) / 64));
    if (!with_offset) return;
    offset = Operand(kDTypes[c.factors], shape, c.skew);
    const bool whole = random.chance(50);
    for (index_t i = 0; i < offset.size(); ++i) {
      const double value = mean + 0.3 * range * random.normal();
      offset.set(i, whole ? std::nearbyint(value) : value);
    }
  };
  const double mean = c.v_mean != 0 ? 1.5 * range : 0;
  draw(k_form(c), c.k_offset != 0, kSpreads[c.sd_k], c.joint != 0 ? mean : 0, 12, data.k_scale, data.k_offset);
  const index_t second = c.joint != 0 ? data.k_scale.size() / 2 : 0;
  spoil_factors(c, data, k_form(c), 0, data.k_scale, data.k_offset);
  if (c.joint != 0) return spoil_factors(c, data, v_form(c), second, data.k_scale, data.k_offset);
  draw(v_form(c), c.v_offset != 0, kSpreads[c.sd_v], mean, 13, data.v_scale, data.v_offset);
  spoil_factors(c, data, v_form(c), 0, data.v_scale, data.v_offset);
}

inline void fill_post_quant(const InferenceCase& c, InferenceData& data) {
  if (c.post == kPostNone) return;
  const DType dtype = c.post_bf16 != 0 ? DType::bf16 : DType::f32;
  const std::vector<index_t> shape{c.post == kPostTensor ? 1 : c.heads() * c.value_dim};
  data.post_scale = Operand(dtype, shape, c.skew);
  Random random = stream(c, 14);
  for (index_t i = 0; i < data.post_scale.size(); ++i)
    data.post_scale.set(i, (random.chance(10) ? -1 : 1) * (20 + random.normal() * 5) / kSpreads[c.sd_v]);
  if (c.post_offset == 0) return;
  data.post_offset = Operand(dtype, shape, c.skew);
  for (index_t i = 0; i < data.post_offset.size(); ++i)
    data.post_offset.set(i,
                         random.chance(30) ? static_cast<double>(random.between(-20, 20)) / 2 : 30 * random.normal());
}

inline void fill_sink(const InferenceCase& c, InferenceData& data) {
  if (c.sink == kSinkNone) return;
  data.sink = Operand(kDTypes[c.number()], std::vector<index_t>{c.heads()}, c.skew);
  draw_numbers(data.sink, stream(c, 15), 3);
  for (index_t n = 0; n < c.heads() && c.sink != kSinkAmong; ++n)
    data.sink.set(n, c.sink == kSinkFarBelow ? -6e4 : 6e4);
}

// NaN in every row of the cache that no query row sees.
inline void spoil_cache(const InferenceCase& c, InferenceData& data) {
  const auto spoil = [&](std::vector<Operand>& tensors, Operand& prefix) {
    if (tensors.empty()) return;
    std::vector<std::vector<std::uint8_t>> read;
    for (const Operand& tensor : tensors)
      read.emplace_back(static_cast<std::size_t>(tensor.extent.batch * tensor.extent.rows), std::uint8_t{0});
    std::vector<std::uint8_t> read_prefix(static_cast<std::size_t>(c.prefix), 0);
    for_seen_keys(c, data, [&](index_t b, index_t key) {
      const KeySpot spot = data.spot(c, b, key);
      const index_t rows = tensors[static_cast<std::size_t>(spot.tensor)].extent.rows;
      if (spot.prefix)
        read_prefix[static_cast<std::size_t>(spot.row)] = 1;
      else
        read[static_cast<std::size_t>(spot.tensor)][static_cast<std::size_t>(spot.batch * rows + spot.row)] = 1;
    });
    for (std::size_t t = 0; t < tensors.size(); ++t)
      for (std::size_t i = 0; i < read[t].size(); ++i)
        if (const auto at = static_cast<index_t>(i); read[t][i] == 0)
          tensors[t].spoil_row(at / tensors[t].extent.rows, at % tensors[t].extent.rows);
    for (std::size_t i = 0; i < read_prefix.size(); ++i)
      if (read_prefix[i] == 0) prefix.spoil_row(0, static_cast<index_t>(i));
  };
  spoil(data.k, data.prefix_k);
  spoil(data.v, data.prefix_v);
  spoil(data.k_rope, data.prefix_k_rope);
}

// NaN in the factors of one token, of every head.
inline void spoil_factor(const InferenceCase& c, const InferenceData& data, const FactorForm& form, index_t b,
                         index_t key, index_t first, Operand& factors) {
  if (!factors.present() || form.mode == 0 || form.mode == 2) return;
  for (index_t head = 0; head < c.kv_heads; ++head) factors.spoil(first + factor_at(c, data, form, b, head, key, 0));
}

// NaN in K, V or both of one key that some rows see and others do not, or in its factors: the oracle says which rows
// it reaches.
inline void spoil_partly_seen(const InferenceCase& c, InferenceData& data) {
  if (c.poison != kPoisonPartlySeen || c.query == kInt8) return;
  std::vector<std::pair<index_t, index_t>> candidates;
  for_seen_keys(c, data, [&](index_t b, index_t key) {
    for (index_t i = 0; i < data.lists.rows(b); ++i)
      if (data.sees(b, i, data.column(b, key)) == 0) return candidates.emplace_back(b, key), void();
  });
  if (candidates.empty()) return;
  Random random = stream(c, 16);
  const auto [b, key] = candidates[static_cast<std::size_t>(random.below(static_cast<index_t>(candidates.size())))];
  const index_t which = random.between(1, 3);
  if (c.integer_cache()) {
    Operand& v_scale = c.joint != 0 ? data.k_scale : data.v_scale;
    Operand& v_offset = c.joint != 0 ? data.k_offset : data.v_offset;
    const index_t second = c.joint != 0 ? data.k_scale.size() / 2 : 0;
    const bool offset = random.chance(40);
    if ((which & 1) != 0) spoil_factor(c, data, k_form(c), b, key, 0, offset ? data.k_offset : data.k_scale);
    if ((which & 2) != 0) spoil_factor(c, data, v_form(c), b, key, second, offset ? v_offset : v_scale);
    return;
  }
  const KeySpot spot = data.spot(c, b, key);
  const auto tensor = static_cast<std::size_t>(spot.tensor);
  if ((which & 1) != 0) (spot.prefix ? data.prefix_k : data.k[tensor]).spoil_row(spot.batch, spot.row);
  if ((which & 2) != 0) (spot.prefix ? data.prefix_v : data.v[tensor]).spoil_row(spot.batch, spot.row);
}

// Of an int8 query.  Products of int8 numbers spread by about 5500 * sqrt(D).
inline void fill_int8_scales(const InferenceCase& c, InferenceData& data) {
  if (c.query != kInt8) return;
  Random random = stream(c, 17);
  const auto about = [&](double value) {
    return static_cast<float>(value * (0.5 + static_cast<double>(random.below(1024)) / 1024));
  };
  const double spread = 5500 * std::sqrt(static_cast<double>(c.dim)), value_spread = kSpreads[c.sd_v] / (127 * 74);
  const bool saturate = c.score_range == kScoresSaturate;
  data.dequant1 = about(c.score_range == kScoresTiny ? 1e-9 : saturate ? 65504 / spread : kSpreads[c.sd_q] / 5500);
  if (random.chance(10)) data.dequant1 = -data.dequant1;
  data.quant1 = random.chance(60) ? 127 : about(random.pick<index_t>(1, 20, 127, 200, 1000));
  if (c.negative_quant1 != 0) data.quant1 = -data.quant1;
  data.dequant2 =
      about(saturate && random.chance(40) ? 100 : value_spread * 127 / std::abs(static_cast<double>(data.quant1)));
  if (random.chance(10)) data.dequant2 = -data.dequant2;
}

}  // namespace detail
}  // namespace glint_test
