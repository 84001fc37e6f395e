// One decode case as a flat list of integers, as random_case.hpp has them for the other operators: everything else
// follows from them and from `seed`.
#pragma once

#include <algorithm>

#include "support/random_case.hpp"

namespace glint_test {

enum Number : index_t { kF32, kF16, kBf16, kInt8, kInt4 };
enum CacheForm : index_t { kContiguous, kLeftPadded, kPaged, kList };
// Shapes (batch, rows) of attn_mask.
enum DecodeMask : index_t { kUnmasked, kMask11, kMaskB1, kMask1S, kMaskBS1 };
enum Draft : index_t { kDraftNone, kDraftCausal, kDraftTree };
enum PostQuantise : index_t { kPostNone, kPostTensor, kPostChannel };
enum SinkForm : index_t { kSinkNone, kSinkAmong, kSinkFarBelow, kSinkFarAbove };
// What nothing may read holds NaN, always.  Beyond that, one key that some query rows see and others do not.
enum Poison : index_t { kPoisonUnread, kPoisonPartlySeen };

struct DecodeCase {
  index_t query = kF32, cache = kF32;  // Number
  index_t layout = kBsh, form = kContiguous;
  index_t batch = 1, kv_heads = 1, group = 1, q_len = 1, kv_len = 1, dim = 1, value_dim = 1, rope = 0;
  index_t lens = kLengthsNone, padding = 0;
  index_t block_size = 16, spare_columns = 0, spare_blocks = 0, shared = 0, head_major = 0;  // shared: percent
  index_t prefix = 0, prefix_length = -1;
  index_t mask = kUnmasked, mask_fill = 0, draft = kDraftNone, tree_batch = 0, tree_any = 0;
  index_t pse = 0, pse_batch = 0, pse_head = 0, pse_row = 0;
  index_t k_mode = 0, v_mode = 0, k_single = 0, v_single = 0, k_offset = 0, v_offset = 0, factors = kF32, joint = 0;
  index_t post = kPostNone, post_offset = 0, post_bf16 = 0;
  index_t sink = kSinkNone, lse = 0, inner_precise = 0;
  index_t scale = 1000;                              // thousandths of 1/sqrt(D)
  index_t sd_q = 1, sd_k = 1, sd_v = 1, sd_pse = 1;  // index into kSpreads
  index_t v_mean = 0, strided = 0, skew = 0, poison = kPoisonUnread;
  std::uint64_t seed = 0;

  index_t heads() const { return kv_heads * group; }
  bool integer_cache() const { return cache == kInt8 || cache == kInt4; }
};

inline constexpr FieldOf<DecodeCase> kDecodeFields[] = {
    {"query", &DecodeCase::query, -1},
    {"cache", &DecodeCase::cache, -1},
    {"layout", &DecodeCase::layout, 0},
    {"form", &DecodeCase::form, 0},
    {"batch", &DecodeCase::batch, 1},
    {"kv_heads", &DecodeCase::kv_heads, 1},
    {"group", &DecodeCase::group, 1},
    {"q_len", &DecodeCase::q_len, 1},
    {"kv_len", &DecodeCase::kv_len, 0},
    {"dim", &DecodeCase::dim, 1},
    {"value_dim", &DecodeCase::value_dim, 1},
    {"rope", &DecodeCase::rope, 0},
    {"lens", &DecodeCase::lens, 0},
    {"padding", &DecodeCase::padding, -1},
    {"block_size", &DecodeCase::block_size, 1},
    {"spare_columns", &DecodeCase::spare_columns, 0},
    {"spare_blocks", &DecodeCase::spare_blocks, 0},
    {"shared", &DecodeCase::shared, 0},
    {"head_major", &DecodeCase::head_major, 0},
    {"prefix", &DecodeCase::prefix, 0},
    {"prefix_length", &DecodeCase::prefix_length, -1},
    {"mask", &DecodeCase::mask, 0},
    {"mask_fill", &DecodeCase::mask_fill, 0},
    {"draft", &DecodeCase::draft, 0},
    {"tree_batch", &DecodeCase::tree_batch, 0},
    {"tree_any", &DecodeCase::tree_any, 0},
    {"pse", &DecodeCase::pse, 0},
    {"pse_batch", &DecodeCase::pse_batch, 0},
    {"pse_head", &DecodeCase::pse_head, 0},
    {"pse_row", &DecodeCase::pse_row, 0},
    {"k_mode", &DecodeCase::k_mode, 0},
    {"v_mode", &DecodeCase::v_mode, 0},
    {"k_single", &DecodeCase::k_single, 0},
    {"v_single", &DecodeCase::v_single, 0},
    {"k_offset", &DecodeCase::k_offset, 0},
    {"v_offset", &DecodeCase::v_offset, 0},
    {"factors", &DecodeCase::factors, 0},
    {"joint", &DecodeCase::joint, 0},
    {"post", &DecodeCase::post, 0},
    {"post_offset", &DecodeCase::post_offset, 0},
    {"post_bf16", &DecodeCase::post_bf16, 0},
    {"sink", &DecodeCase::sink, 0},
    {"lse", &DecodeCase::lse, 0},
    {"inner_precise", &DecodeCase::inner_precise, 0},
    {"scale", &DecodeCase::scale, -1},
    {"sd_q", &DecodeCase::sd_q, 0},
    {"sd_k", &DecodeCase::sd_k, 0},
    {"sd_v", &DecodeCase::sd_v, 0},
    {"sd_pse", &DecodeCase::sd_pse, 0},
    {"v_mean", &DecodeCase::v_mean, 0},
    {"strided", &DecodeCase::strided, 0},
    {"skew", &DecodeCase::skew, 0},
    {"poison", &DecodeCase::poison, 0},
};

constexpr std::span<const FieldOf<DecodeCase>> fields_of(const DecodeCase&) { return kDecodeFields; }

// A case's lists, one entry for each of the batch except for `lens`, which is as the operator is asked.
struct DecodeLists {
  std::vector<index_t> lens;
  std::vector<index_t> room;   // rows that the entry's own cache has
  std::vector<index_t> own;    // keys of its own that count
  std::vector<index_t> first;  // the row of the first of them
  index_t prefix = 0;          // rows of the shared prefix that count
  index_t max_blocks = 0;
  index_t columns = 0;  // of mask, pse and per-token factors

  index_t keys(index_t b) const { return prefix + own[static_cast<std::size_t>(b)]; }
};

namespace detail {

// The least keys of its own that an entry must have: the rows of a tree are among them.
inline index_t least_keys(const DecodeCase& c, index_t prefix) {
  return c.draft == kDraftTree ? std::max<index_t>(0, c.q_len - prefix) : 0;
}

inline index_t draw_decode_length(Random& random, index_t least, index_t most) {
  if (most <= least) return most;
  if (random.chance(8)) return least;
  return random.chance(15) ? most : random.between(least, most);
}

}  // namespace detail

inline DecodeLists decode_lists(const DecodeCase& c) {
  DecodeLists lists;
  Random random(c.seed, 41);
  const auto batch = static_cast<std::size_t>(c.batch);
  lists.prefix = c.prefix == 0 ? 0 : c.prefix_length < 0 ? c.prefix : c.prefix_length;
  const index_t least = detail::least_keys(c, lists.prefix);
  lists.room.assign(batch, c.kv_len);
  if (c.form == kList)
    for (index_t& rows : lists.room) rows = detail::draw_decode_length(random, least, c.kv_len);
  const index_t shortest = c.batch > 0 ? *std::min_element(lists.room.begin(), lists.room.end()) : c.kv_len;
  if (c.lens == kLengthsOne) lists.lens = {detail::draw_decode_length(random, least, shortest)};
  if (c.lens == kLengthsEach)
    for (const index_t rows : lists.room) lists.lens.push_back(detail::draw_decode_length(random, least, rows));
  if (c.form == kPaged) {
    const index_t longest = lists.lens.empty() ? 0 : *std::max_element(lists.lens.begin(), lists.lens.end());
    lists.max_blocks = (longest + c.block_size - 1) / c.block_size + c.spare_columns;
    lists.room.assign(batch, lists.max_blocks * c.block_size);
  }
  for (std::size_t b = 0; b < batch; ++b) {
    const index_t length = lists.lens.empty() ? lists.room[b] : lists.lens[lists.lens.size() == 1 ? 0 : b];
    const bool padded = c.form == kLeftPadded && !lists.lens.empty();
    const index_t first = padded ? lists.room[b] - std::max<index_t>(0, c.padding) - length : 0;
    lists.own.push_back(first < 0 ? 0 : length);
    lists.first.push_back(std::max<index_t>(0, first));
  }
  lists.columns = c.form == kContiguous || c.form == kLeftPadded ? c.kv_len : 0;
  for (const index_t rows : lists.room) lists.columns = std::max(lists.columns, rows);
  lists.columns += lists.prefix;
  return lists;
}

namespace detail {

// operators 4.3: which modes go with which cache, and with each other.
inline bool legal_factors(const DecodeCase& c) {
  const bool same = c.k_mode == c.v_mode, paged = c.form == kPaged;
  for (const index_t mode : {c.k_mode, c.v_mode})
    if (paged ? mode == 1 || mode == 3 : mode == 4 || mode == 5) return false;
  if (!same && !(c.k_mode == 0 && c.v_mode == 1)) return false;
  if ((c.k_single != 0 && c.k_mode != 0) || (c.v_single != 0 && c.v_mode != 0)) return false;
  if (c.joint == 0) return true;
  if (!same || c.k_mode > 1 || c.k_single != c.v_single || c.k_offset != c.v_offset) return false;
  if (c.k_mode == 0 && c.factors != kF32 && c.factors != c.query) return false;
  return c.k_mode != 0 || c.k_single != 0 || c.dim == c.value_dim;
}

}  // namespace detail

// May the operator be asked this?
inline bool legal(const DecodeCase& c) {
  if (c.form == kPaged && c.lens == kLengthsNone) return false;
  if (c.prefix > 0 && (c.form != kContiguous || c.prefix_length > c.prefix)) return false;
  if (c.cache == kInt4 && (c.dim % 2 != 0 || c.value_dim % 2 != 0)) return false;
  if (c.integer_cache() && (c.rope > 0 || !detail::legal_factors(c))) return false;
  if (c.cache < kInt8 && c.query != kF32 && c.cache != c.query) return false;
  if ((c.lens == kLengthsEach || c.form == kList) && c.batch == 0) return false;
  if (c.post_bf16 != 0 && c.query != kBf16) return false;
  const DecodeLists lists = decode_lists(c);
  for (index_t b = 0; c.draft == kDraftTree && b < c.batch; ++b)
    if (lists.keys(b) < c.q_len) return false;
  return true;
}

// Can the documents' call say it too?  Several rows only as a draft, and then no other mask; a rope part of a list or
// of a shared prefix has no parameter.
inline bool has_run_time_form(const DecodeCase& c) {
  if (c.q_len > 1 && c.draft == kDraftNone) return false;
  if (c.draft != kDraftNone && c.mask != kUnmasked) return false;
  if (c.rope > 0 && (c.prefix > 0 || (c.form == kList && c.batch > 1))) return false;
  return c.form != kPaged || c.head_major == 0 || c.layout == kBnsd;
}

}  // namespace glint_test
