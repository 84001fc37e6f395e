// What the metamorphic tests of decode and prompt share: random cases of all types, asked again in another form, and
// whether the rows of both have the same bits.
#pragma once

#include "support/differential.hpp"
#include "support/inference_outcome.hpp"
#include "support/inference_restate.hpp"

namespace glint_test {

// DoorsType: DecodeDoors or PromptDoors.
template <class DoorsType, class QueryType, class StoredType>
struct Types {
  using Doors = DoorsType;
  using Query = QueryType;
  using Stored = StoredType;
  static constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
};

template <class T>
InferenceOutcome run(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor = {}) {
  using Stored = typename T::Stored;
  InferenceOutcome outcome = T::Doors::template typed<typename T::Query, Stored>(c, data, executor);
  EXPECT_TRUE(static_cast<bool>(outcome.status))
      << outcome.status.rule << " got " << outcome.status.got << " want " << outcome.status.want << ": " << print(c);
  EXPECT_EQ(outcome.damage, "") << print(c);
  return outcome;
}

// each(case, data) for random cases that `prepare` made fit the property.
template <class T, class Generate, class Prepare, class Each>
void for_drawn(std::uint64_t count, const Generate& generate, const Prepare& prepare, const Each& each) {
  for (std::uint64_t number = 0, found = 0; found < cases_to_run(count); ++number) {
    InferenceCase c = generate(number_from("GLINT_TEST_SEED", 20260202), number, T::query, T::cache);
    if (!prepare(c) || !legal(c)) continue;
    ++found;
    each(c, inference_data_of(c));
    if (::testing::Test::HasFailure()) return;
  }
}
inline bool any_case(InferenceCase&) { return true; }
inline bool any_batch(InferenceCase& c) { return c.batch > 0; }

struct Asked {
  const InferenceCase& c;
  const InferenceData& data;
  const InferenceOutcome& outcome;

  index_t row(index_t b, index_t n, index_t i) const {
    return glint::reference::row_position(data.out_extent, c.out_layout_name(), data.lists.q_axis(b), n,
                                          data.lists.q_row(b, i));
  }
  const std::byte* bytes(index_t b, index_t n, index_t i) const {
    return outcome.out.data() + row(b, n, i) * glint::size_of(out_type(c));
  }
  float lse(index_t b, index_t n, index_t i) const {
    const index_t at = lse_row(c, data.out_extent, data.lists.q_axis(b), n, data.lists.q_row(b, i));
    return outcome.lse[static_cast<std::size_t>(at)];
  }
};

// same(b, n, i, old b, old n, old i) for the rows of a selection.
template <class Same>
bool all_rows(const Asked& part, const Selection& selected, const Same& same) {
  bool all = true;
  for (index_t b = 0; b < part.c.batch; ++b)
    for (index_t n = 0; n < part.c.heads(); ++n)
      for (index_t i = 0; i < part.data.lists.rows(b); ++i)
        all = all &&
              same(b, n, i, selected.old_entry(b), selected.heads[static_cast<std::size_t>(n)], selected.old_row(b, i));
  return all;
}

// The rows of a selection have the bits that they have in the whole.
inline void expect_same_rows(const Asked& whole, const Asked& part, const Selection& selected,
                             const std::string& what) {
  ASSERT_TRUE(whole.outcome.status && part.outcome.status);
  const auto bytes = static_cast<std::size_t>(part.c.value_dim * glint::size_of(out_type(part.c)));
  const bool same =
      all_rows(part, selected, [&](index_t b, index_t n, index_t i, index_t old_b, index_t old_n, index_t old_i) {
        if (std::memcmp(whole.bytes(old_b, old_n, old_i), part.bytes(b, n, i), bytes) != 0) return false;
        if (whole.c.lse == 0 || part.c.lse == 0) return true;
        const float left = whole.lse(old_b, old_n, old_i), right = part.lse(b, n, i);
        return std::bit_cast<std::uint32_t>(left) == std::bit_cast<std::uint32_t>(right);
      });
  EXPECT_TRUE(same) << what << "\n  " << print(whole.c) << "\n  as " << print(part.c);
}

// A part of a case, asked in another form.
template <class T, class Change>
void expect_same(const InferenceCase& c, const InferenceData& data, const InferenceOutcome& whole,
                 const Selection& part, const std::string& what, const Change& change) {
  const Restated other = restate(c, data, part, change);
  const InferenceOutcome outcome = run<T>(other.c, other.data);
  expect_same_rows({c, data, whole}, {other.c, other.data, outcome}, part, what);
}
template <class T, class Change>
void expect_same(const InferenceCase& c, const InferenceData& data, const std::string& what, const Change& change) {
  expect_same<T>(c, data, run<T>(c, data), Selection(c, data), what, change);
}

// Everything that holds NaN because nothing may read it becomes an ordinary number.
inline InferenceData healed(const InferenceData& data) {
  InferenceData clean = data;
  const auto heal = [](Operand& operand) {
    for (index_t i = 0; i < operand.size(); ++i)
      if (is_nan_bits(operand.numbers.flat(i))) operand.set(i, 0.5);
  };
  for (std::vector<Operand>* cache : {&clean.k, &clean.v, &clean.k_rope})
    std::for_each(cache->begin(), cache->end(), heal);
  for (Operand* one : {&clean.q, &clean.q_rope, &clean.pse, &clean.prefix_k, &clean.prefix_v, &clean.prefix_k_rope,
                       &clean.k_scale, &clean.k_offset, &clean.v_scale, &clean.v_offset})
    heal(*one);
  return clean;
}

// K times 64 and the scale divided by it.
inline InferenceData with_larger_keys(const InferenceData& data) {
  InferenceData scaled = data;
  const auto stretch = [](Operand& k) {
    for (index_t i = 0; i < k.size(); ++i) k.set(i, 64 * k.numbers.flat(i));
  };
  for (Operand& k : scaled.k) stretch(k);
  for (Operand& k : scaled.k_rope) stretch(k);
  stretch(scaled.prefix_k);
  stretch(scaled.prefix_k_rope);
  scaled.scale /= 64;
  return scaled;
}

}  // namespace glint_test
