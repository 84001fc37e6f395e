// One case of the training operator and its gradient as a flat list of integers.  Everything else (lists, tensors,
// masks) follows from them and from `seed`, so a case is printed, read back (score_keys.hpp) and shrunk field by field.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "support/numbers.hpp"
#include "support/random.hpp"

namespace glint_test {

enum LayoutIndex : index_t { kBsh, kSbh, kBnsd, kBsnd, kTnd };
inline constexpr const char* kLayoutNames[] = {"BSH", "SBH", "BNSD", "BSND", "TND"};

// Shapes of a mask tensor.  kMaskNone: no tensor.
enum MaskShape : index_t { kMaskNone, kMaskSS, kMask11SS, kMaskB1SS, kMaskBNSS };
// What stands for the mask of modes 2 to 4 and 6 to 8 at the run-time door: nothing (full attention), tag or tensor.
enum Compressed : index_t { kNoMask, kMaskTag, kMaskTensor };
enum PseStore : index_t { kPseDense, kPseCompressed, kPsePerScore, kPsePerColumn };
enum PrefixList : index_t { kPrefixNone, kPrefixValid, kPrefixOutOfRange, kPrefixShort };
enum DropSource : index_t { kDropNone, kDropBits, kDropPhilox };
enum StatsWanted : index_t { kWantMax = 1, kWantSum = 2, kWantLse = 4 };
enum Starts : index_t { kStartNone = 0, kStartQ = 1, kStartKv = 2 };

struct Case {
  index_t gradient = 0, dtype = kF32;
  index_t layout = kBsh, mode = 0;
  index_t batch = 1, heads = 1, kv_heads = 1, q_len = 1, kv_len = 1, dim = 1, value_dim = 1;
  index_t surplus_q = 0, surplus_kv = 0;             // TND: rows behind the last sequence
  index_t square = 0;                                // TND: every sequence has as many keys as queries
  index_t zero_tail = 0;                             // TND: bit 0 the q list, bit 1 the kv list ends in a zero
  index_t sd_q = 1, sd_k = 1, sd_v = 1, sd_pse = 1;  // index into kSpreads
  index_t v_mean = 0;
  index_t scale = 1000, q_scale = 1000;  // thousandths; scale of 1/sqrt(D)
  index_t mask = 0, mask_fill = 0, mask_bool = 0, compressed = kMaskTag;
  index_t pre = 2147483647, next = 2147483647;
  index_t prefix = 0;
  index_t pse = 0, pse_type = 1, pse_store = 0, pse_per_batch = 0, pse_per_head = 0, pse_per_row = 0;
  index_t starts = 0, q_start = 0, kv_start = 0;
  index_t sink = 0;
  index_t drop = 0, keep = 1000, drop_rank4 = 0, offset = 0;
  index_t stats = 0, repeat = 1, by_token = 0;
  index_t strided = 0;  // typed door: operands are slices of larger tensors
  index_t inner_precise = 0;
  index_t skew = 0;  // elements by which the tensors miss the start of their allocation
  std::uint64_t seed = 0;

  // What no generator draws: a case line says it.
  index_t init = kNormal;
  std::vector<index_t> q_list, kv_list;  // TND: lengths in the place of drawn ones, one for each sequence
  std::vector<index_t> prefix_list;      // in the place of drawn ones
  std::optional<double> exact_scale;     // in the place of `scale`
  double softcap = 0;
  index_t softcap_order = 0;  // glint::reference::SoftcapOrder
};

inline constexpr double kSpreads[] = {0.1, 1, 5, 20};

template <class C>
struct FieldOf {
  const char* name;
  index_t C::*value;
  index_t least;  // shrinking goes down to this; -1: leaves it alone
};
using Field = FieldOf<Case>;

// What shrinking walks through, sizes first.
inline constexpr Field kFields[] = {
    {"layout", &Case::layout, -1},
    {"mode", &Case::mode, -1},
    {"batch", &Case::batch, 1},
    {"heads", &Case::heads, 1},
    {"kv_heads", &Case::kv_heads, 1},
    {"q_len", &Case::q_len, 1},
    {"kv_len", &Case::kv_len, 0},
    {"dim", &Case::dim, 1},
    {"value_dim", &Case::value_dim, 1},
    {"surplus_q", &Case::surplus_q, 0},
    {"surplus_kv", &Case::surplus_kv, 0},
    {"square", &Case::square, -1},
    {"zero_tail", &Case::zero_tail, 0},
    {"sd_q", &Case::sd_q, 0},
    {"sd_k", &Case::sd_k, 0},
    {"sd_v", &Case::sd_v, 0},
    {"sd_pse", &Case::sd_pse, 0},
    {"v_mean", &Case::v_mean, 0},
    {"scale", &Case::scale, -1},
    {"q_scale", &Case::q_scale, -1},
    {"mask", &Case::mask, 0},
    {"mask_fill", &Case::mask_fill, 0},
    {"mask_bool", &Case::mask_bool, 0},
    {"compressed", &Case::compressed, -1},
    {"pre", &Case::pre, -1},
    {"next", &Case::next, -1},
    {"prefix", &Case::prefix, -1},
    {"pse", &Case::pse, 0},
    {"pse_type", &Case::pse_type, -1},
    {"pse_store", &Case::pse_store, -1},
    {"pse_per_batch", &Case::pse_per_batch, 0},
    {"pse_per_head", &Case::pse_per_head, 0},
    {"pse_per_row", &Case::pse_per_row, 0},
    {"starts", &Case::starts, 0},
    {"q_start", &Case::q_start, 0},
    {"kv_start", &Case::kv_start, 0},
    {"sink", &Case::sink, 0},
    {"drop", &Case::drop, 0},
    {"keep", &Case::keep, -1},
    {"drop_rank4", &Case::drop_rank4, 0},
    {"offset", &Case::offset, 0},
    {"stats", &Case::stats, 0},
    {"repeat", &Case::repeat, 1},
    {"by_token", &Case::by_token, 0},
    {"strided", &Case::strided, 0},
    {"inner_precise", &Case::inner_precise, -1},
    {"skew", &Case::skew, 0},
};

constexpr std::span<const Field> fields_of(const Case&) { return kFields; }

// 1/sqrt(D) times the drawn factor, or as said.
template <class C>
float scale_of(const C& c, index_t dim) {
  const double drawn = static_cast<double>(c.scale) / 1000 / std::sqrt(static_cast<double>(dim));
  return static_cast<float>(c.exact_scale.value_or(drawn));
}

// The next simpler values to try for a field: far down, half, one less.
template <class C>
std::vector<index_t> simpler(const FieldOf<C>& field, index_t value) {
  if (field.least < 0 || value <= field.least) return {};
  std::vector<index_t> tries{field.least};
  if (value / 2 > field.least) tries.push_back(value / 2);
  if (value - 1 > field.least) tries.push_back(value - 1);
  return tries;
}

// Makes a failing case smaller for as long as it fails.  fails(c) says whether a case is legal and still wrong.
template <class C, class Fails>
C shrink(C c, const Fails& fails) {
  int budget = 400;
  for (bool smaller = true; smaller && budget > 0;) {
    smaller = false;
    for (const FieldOf<C>& field : fields_of(c)) {
      for (const index_t value : simpler(field, c.*field.value)) {
        C candidate = c;
        candidate.*field.value = value;
        if (--budget <= 0 || !fails(candidate)) continue;
        c = candidate;
        smaller = true;
        break;
      }
    }
  }
  return c;
}

}  // namespace glint_test
