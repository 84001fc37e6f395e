// What the metamorphic tests of decode share: random cases of all types, asked again in another form, and whether the
// rows of both have the same bits.
#pragma once

#include "support/decode_generator.hpp"
#include "support/inference_restate.hpp"
#include "support/differential.hpp"

namespace glint_test {

template <class QueryType, class StoredType>
struct Types {
  using Query = QueryType;
  using Stored = StoredType;
  static constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
};
using F32 = Types<float, float>;
using F16 = Types<glint::half, glint::half>;
using Bf16 = Types<glint::bfloat16, glint::bfloat16>;
using Int8 = Types<float, std::int8_t>;
using Int4 = Types<glint::bfloat16, glint::int4x2>;

template <class T>
InferenceOutcome run(const InferenceCase& c, const InferenceData& data, const TestExecutor& executor = {}) {
  InferenceOutcome outcome = typed_decode<typename T::Query, typename T::Stored>(c, data, executor);
  EXPECT_TRUE(static_cast<bool>(outcome.status)) << outcome.status.rule << ": " << print(c);
  EXPECT_EQ(outcome.damage, "") << print(c);
  return outcome;
}

// each(case, data) for random cases that `prepare` made fit the property.
template <class T, class Prepare, class Each>
void for_cases(std::uint64_t count, const Prepare& prepare, const Each& each) {
  for (std::uint64_t number = 0, found = 0; found < cases_to_run(count); ++number) {
    InferenceCase c = generate_decode(number_from("GLINT_TEST_SEED", 20260202), number, T::query, T::cache);
    if (!prepare(c) || !legal(c)) continue;
    ++found;
    each(c, inference_data_of(c));
    if (::testing::Test::HasFailure()) return;
  }
}
inline bool any_case(InferenceCase&) { return true; }

struct Asked {
  const InferenceCase& c;
  const InferenceOutcome& outcome;

  const std::byte* row(const Extent& e, index_t b, index_t n, index_t i) const {
    return outcome.out.data() +
           glint::reference::row_position(e, kLayoutNames[c.layout], b, n, i) * glint::size_of(out_type(c));
  }
};

// The rows of a selection have the bits that they have in the whole.
inline void expect_same_rows(const Asked& whole, const Asked& part, const Selection& selected,
                             const std::string& what) {
  ASSERT_TRUE(whole.outcome.status && part.outcome.status);
  const InferenceCase &a = whole.c, &b = part.c;
  const Extent e{a.batch, a.q_len, a.heads(), a.value_dim}, f{b.batch, b.q_len, b.heads(), b.value_dim};
  bool same = true;
  for_rows(f, [&](index_t batch, index_t n, index_t i) {
    const index_t old_b = selected.entries[static_cast<std::size_t>(batch)];
    const index_t old_n = selected.heads[static_cast<std::size_t>(n)],
                  old_i = selected.rows[static_cast<std::size_t>(i)];
    const auto bytes = static_cast<std::size_t>(f.width * glint::size_of(out_type(b)));
    same = same && std::memcmp(whole.row(e, old_b, old_n, old_i), part.row(f, batch, n, i), bytes) == 0;
    if (a.lse == 0) return;
    const float left = whole.outcome.lse[static_cast<std::size_t>((old_b * a.heads() + old_n) * a.q_len + old_i)];
    const float right = part.outcome.lse[static_cast<std::size_t>((batch * b.heads() + n) * b.q_len + i)];
    same = same && std::bit_cast<std::uint32_t>(left) == std::bit_cast<std::uint32_t>(right);
  });
  EXPECT_TRUE(same) << what << "\n  " << print(a) << "\n  as " << print(b);
}

// A part of a case, asked in another form.
template <class T, class Change>
void expect_same(const InferenceCase& c, const InferenceData& data, const InferenceOutcome& whole,
                 const Selection& part, const std::string& what, const Change& change) {
  const Restated other = restate(c, data, part, change);
  const InferenceOutcome outcome = run<T>(other.c, other.data);
  expect_same_rows({c, whole}, {other.c, outcome}, part, what);
}
template <class T, class Change>
void expect_same(const InferenceCase& c, const InferenceData& data, const std::string& what, const Change& change) {
  expect_same<T>(c, data, run<T>(c, data), Selection(c, data), what, change);
}

// f.template operator()<T>() for all pairs of types.
template <class F>
void for_types(const F& f) {
  f.template operator()<F32>();
  f.template operator()<F16>();
  f.template operator()<Bf16>();
  f.template operator()<Int8>();
  f.template operator()<Int4>();
}

}  // namespace glint_test
