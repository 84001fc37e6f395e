// IncreFlashAttention against itself: what must not change a bit, or no more than the error contract allows, on random
// cases of every form and type.
#include "support/decode_doors.hpp"
#include "support/decode_generator.hpp"
#include "support/inference_contract.hpp"
#include "support/inference_metamorphic.hpp"

namespace glint_test {
namespace {

using F32 = Types<DecodeDoors, float, float>;
using F16 = Types<DecodeDoors, glint::half, glint::half>;
using Bf16 = Types<DecodeDoors, glint::bfloat16, glint::bfloat16>;
using Int8 = Types<DecodeDoors, float, std::int8_t>;
using Int4 = Types<DecodeDoors, glint::bfloat16, glint::int4x2>;

// f.template operator()<T>() for all pairs of types.
template <class F>
void for_types(const F& f) {
  f.template operator()<F32>();
  f.template operator()<F16>();
  f.template operator()<Bf16>();
  f.template operator()<Int8>();
  f.template operator()<Int4>();
}

template <class T, class Prepare, class Each>
void for_cases(std::uint64_t count, const Prepare& prepare, const Each& each) {
  for_drawn<T>(count, generate_decode, prepare, each);
}

// Pages of any size, order and layout (shared blocks become copies), left padding, lists.
TEST(DecodeExactly, EveryFormOfCacheAgrees) {
  for_types([]<class T>() {
    for_cases<T>(150, any_case, [](const InferenceCase& c, const InferenceData& data) {
      expect_same<T>(c, data, "contiguous", [](InferenceCase& d) { d.form = kContiguous; });
      expect_same<T>(c, data, "left padded", [](InferenceCase& d) { d.form = kLeftPadded, d.padding = 3; });
      if (c.batch == 0) return;
      expect_same<T>(c, data, "list", [](InferenceCase& d) { d.form = kList; });
      if (c.k_mode != c.v_mode) return;  // no mixed pair is legal with pages
      for (const index_t block_size : {1, 3, 16, 64, 100})
        expect_same<T>(c, data, "pages", [=](InferenceCase& d) {
          d.form = kPaged, d.block_size = block_size, d.head_major = block_size % 2;
        });
    });
  });
}

// One entry's own first keys are a prefix that it shares with nobody.
TEST(DecodeExactly, APrefixAndTheRestAreTheWholeCache) {
  for_types([]<class T>() {
    for_cases<T>(150, any_case, [](const InferenceCase& c, const InferenceData& data) {
      if (c.batch == 0 || data.lists.keys(0) == 0) return;
      const InferenceOutcome whole = run<T>(c, data);
      const Selection one = Selection::entry(c, data, 0);
      const index_t keys = data.lists.keys(0);
      for (const index_t prefix : {index_t{1}, (keys + 1) / 2, keys})
        expect_same<T>(c, data, whole, one, "shared prefix",
                       [=](InferenceCase& d) { d.form = kContiguous, d.prefix = prefix; });
    });
  });
}

TEST(DecodeExactly, LayoutsAgree) {
  for_types([]<class T>() {
    for_cases<T>(150, any_case, [](const InferenceCase& c, const InferenceData& data) {
      for (const index_t layout : {index_t{kBsh}, index_t{kBnsd}, index_t{kBsnd}})
        expect_same<T>(c, data, "layout", [=](InferenceCase& d) {
          d.layout = layout, d.form = d.form == kPaged || d.form == kList ? d.form : index_t{kContiguous};
        });
    });
  });
}

TEST(DecodeExactly, AnEntryAloneIsTheEntryInItsBatch) {
  for_types([]<class T>() {
    for_cases<T>(150, any_case, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t b = 0; b < c.batch; ++b) {
        expect_same<T>(c, data, whole, Selection::entry(c, data, b), "entry alone", [](InferenceCase&) {});
      }
    });
  });
}

TEST(DecodeExactly, AGroupIsItsHeadsOneByOne) {
  for_types([]<class T>() {
    for_cases<T>(100, any_case, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t n = 0; n < c.heads(); n += 1 + c.heads() / 8) {
        Selection one(c, data);
        one.heads = {n};
        expect_same<T>(c, data, whole, one, "head alone", [](InferenceCase& d) { d.group = 1; });
      }
    });
  });
}

bool causal_draft(InferenceCase& c) {
  c.draft = kDraftCausal;
  return c.q_len > 1 && c.poison == kPoisonUnread;
}

TEST(DecodeExactly, ADraftIsItsRowsOneAtATime) {
  for_types([]<class T>() {
    for_cases<T>(100, causal_draft, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome whole = run<T>(c, data);
      for (index_t i = 0; i < c.q_len; ++i) {
        Selection row(c, data);
        row.first_row.assign(row.entries.size(), i), row.rows.assign(row.entries.size(), 1);
        for (index_t& keys : row.keys) keys = std::max<index_t>(0, keys - (c.q_len - 1 - i));
        expect_same<T>(c, data, whole, row, "row alone", [](InferenceCase& d) { d.draft = kDraftNone; });
      }
    });
  });
}

TEST(DecodeExactly, ACausalDraftIsATree) {
  for_types([]<class T>() {
    for_cases<T>(100, causal_draft, [](const InferenceCase& c, InferenceData data) {
      for (index_t b = 0; b < c.batch; ++b)
        if (data.lists.keys(b) < c.q_len) return;
      const InferenceOutcome whole = run<T>(c, data);
      data.tree_batch = 1;
      for (index_t at = 0; at < c.q_len * c.q_len; ++at) data.tree.push_back(at % c.q_len > at / c.q_len ? 1 : 0);
      expect_same<T>(c, data, whole, Selection(c, data), "tree", [](InferenceCase& d) { d.draft = kDraftTree; });
    });
  });
}

bool plain_rows(InferenceCase& c) {
  c.mask = kUnmasked, c.draft = kDraftNone;
  return true;
}

TEST(DecodeExactly, ADroppedTailIsAShorterLength) {
  for_types([]<class T>() {
    for_cases<T>(150, plain_rows, [](const InferenceCase& c, const InferenceData& data) {
      Restated dropped = restate(c, data, Selection(c, data), [](InferenceCase&) {});
      Selection shorter(c, data);
      Random random(c.seed, 51);
      InferenceData& d = dropped.data;
      dropped.c.mask = kMaskB1, d.mask_batch = c.batch, d.mask_rows = 1;
      d.mask.assign(static_cast<std::size_t>(c.batch * d.lists.columns), 0);
      for (index_t b = 0; b < c.batch; ++b) {
        index_t& keys = shorter.keys[static_cast<std::size_t>(b)];
        const index_t all = keys;
        keys = random.between(0, all);
        for (index_t key = keys; key < all; ++key)
          d.mask[static_cast<std::size_t>(b * d.lists.columns + d.column(b, key))] = 1;
      }
      expect_same<T>(c, data, run<T>(dropped.c, d), shorter, "shorter", [&](InferenceCase& e) { e.layout = c.layout; });
    });
  });
}

// Integers with factors of one are the same numbers as floats.
TEST(DecodeExactly, Int8IsItsNumbersAsFloats) {
  const auto unscaled = [](InferenceCase& c) {
    c.k_mode = c.v_mode = c.joint = c.inner_precise = 0;
    c.k_single = c.v_single = 1;
    c.factors = kF32;
    return true;
  };
  for_cases<Int8>(300, unscaled, [](const InferenceCase& c, InferenceData data) {
    for (Operand* scale : {&data.k_scale, &data.v_scale}) scale->set(0, 1);
    for (Operand* offset : {&data.k_offset, &data.v_offset})
      if (offset->present()) offset->set(0, 0);
    const Selection all(c, data);
    const Restated floats = restate(c, data, all, [](InferenceCase& d) { d.cache = kF32; });
    const InferenceOutcome whole = run<Int8>(c, data), other = run<F32>(floats.c, floats.data);
    expect_same_rows({c, data, whole}, {floats.c, floats.data, other}, all, "as floats");
  });
}

// Long enough to be split, with rows for all of 1 to 8 workers and not.
TEST(DecodeExactly, WorkersChangeNoBit) {
  using Kind = TestExecutor::Kind;
  const auto long_case = [](InferenceCase& c) {
    c.kv_len = 700 + c.kv_len % 7 * 523, c.kv_heads = 1, c.group = std::min<index_t>(c.group, 3);
    c.dim = c.value_dim = 16, c.rope = 0;
    return c.batch > 0;
  };
  for_types([&]<class T>() {
    for_cases<T>(40, long_case, [](const InferenceCase& c, const InferenceData& data) {
      const InferenceOutcome one = run<T>(c, data);
      for (const index_t workers : {1, 2, 3, 8})
        for (const Kind kind : {Kind::threads, Kind::reversed})
          ASSERT_EQ(difference(one, run<T>(c, data, {kind, workers})), "") << workers << " workers: " << print(c);
    });
  });
}

TEST(DecodeExactly, ASinkFarBelowIsNoSink) {
  const auto far_below = [](InferenceCase& c) {
    c.mask = kUnmasked, c.draft = kDraftNone, c.lens = kLengthsNone, c.kv_len += 1;
    c.form = c.form == kPaged ? index_t{kContiguous} : c.form;
    c.k_mode = c.v_mode = 0, c.sd_q = c.sd_k = 0;
    c.sink = kSinkFarBelow;
    return true;
  };
  for_types([&]<class T>() {
    for_cases<T>(60, far_below, [](const InferenceCase& c, const InferenceData& data) {
      for (index_t b = 0; b < c.batch; ++b)
        if (data.lists.keys(b) == 0) return;
      InferenceCase without = c;
      without.sink = kSinkNone;
      ASSERT_EQ(difference(run<T>(without, inference_data_of(without)), run<T>(c, data)), "") << print(c);
    });
  });
}

template <class T>
void expect_powers_of_two_cancel() {
  const auto small = [](InferenceCase& c) {
    c.sd_k = std::min<index_t>(c.sd_k, 1);
    return true;
  };
  for_cases<T>(60, small, [](const InferenceCase& c, const InferenceData& data) {
    ASSERT_EQ(difference(run<T>(c, data), run<T>(c, with_larger_keys(data))), "") << print(c);
  });
}
TEST(DecodeExactly, PowersOfTwoMoveBetweenKeysAndScale) {
  expect_powers_of_two_cancel<F32>();
  expect_powers_of_two_cancel<Bf16>();
}

// All that is poisoned becomes an ordinary number, and nothing changes.
TEST(DecodeExactly, PoisonChangesNoBit) {
  const auto unread = [](InferenceCase& c) { return c.poison == kPoisonUnread; };
  for_types([&]<class T>() {
    for_cases<T>(200, unread, [](const InferenceCase& c, const InferenceData& data) {
      ASSERT_EQ(difference(run<T>(c, healed(data)), run<T>(c, data)), "") << print(c);
    });
  });
}

// Two halves of the cache, put together by their lse, are within the contract of the whole.
TEST(DecodeWithin, HalvesMergeByTheirLse) {
  const auto open = [](InferenceCase& c) {
    c.mask = kUnmasked, c.draft = kDraftNone, c.sink = kSinkNone, c.post = kPostNone;
    c.lse = 1, c.inner_precise = 0;
    return true;
  };
  const auto check = [&]<class T>() {
    for_cases<T>(200, open, [](const InferenceCase& c, InferenceData data) {
      Selection left(c, data), right(c, data);
      for (std::size_t b = 0; b < left.keys.size(); ++b) {
        left.keys[b] /= 2;
        right.first_key[b] = left.keys[b], right.keys[b] -= left.keys[b];
      }
      const auto half = [&](const Selection& part) {
        const Restated other = restate(c, data, part, [&](InferenceCase& d) { d.layout = c.layout; });
        return run<T>(other.c, other.data);
      };
      const InferenceOutcome a = half(left), b = half(right);
      InferenceOutcome merged = a;
      for_rows(data.out_extent, [&](index_t batch, index_t n, index_t i) {
        const auto row = static_cast<std::size_t>((batch * c.heads() + n) * c.q_len + i);
        const index_t at = glint::reference::row_position(data.out_extent, kLayoutNames[c.layout], batch, n, i) * 4;
        const double most = static_cast<double>(std::max(a.lse[row], b.lse[row]));
        if (most == -std::numeric_limits<double>::infinity()) return;
        const double p = std::exp(static_cast<double>(a.lse[row]) - most),
                     q = std::exp(static_cast<double>(b.lse[row]) - most);
        for (index_t d = 0; d < c.value_dim; ++d) {
          float x, y;
          std::memcpy(&x, a.out.data() + at + 4 * d, 4), std::memcpy(&y, b.out.data() + at + 4 * d, 4);
          store_number(merged.out.data() + at, DType::f32, d,
                       (p * static_cast<double>(x) + q * static_cast<double>(y)) / (p + q));
        }
        merged.lse[row] = static_cast<float>(most + std::log(p + q));
      });
      const AttentionResult want = glint::reference::attention(data.spec);
      const std::string wrong =
          InferenceContract(c, data, want).check(merged, -std::numeric_limits<double>::infinity());
      ASSERT_EQ(wrong, "") << print(c);
    });
  };
  check.template operator()<F32>();
  check.template operator()<Int8>();
}

}  // namespace
}  // namespace glint_test
