// Vector conversions against the scalar ones of dtype.hpp (which core/dtype_test.cpp holds against the definition).
//
// glint-test: fast-math
#include <memory>

#include "simd/floors.hpp"
#include "support/flush_denormals.hpp"
#include "support/guarded_buffer.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

class Convert : public testing::TestWithParam<Floor> {};
INSTANTIATE_TEST_SUITE_P(EachIsa, Convert, testing::ValuesIn(floors()), isa_name);

template <class Element>
const Format& format_of() {
  static const Format none{};
  return std::is_same_v<Element, glint::half> ? kHalf : std::is_same_v<Element, glint::bfloat16> ? kBfloat16 : none;
}

// Bit for bit, but a NaN may carry another payload.
template <class Element>
void expect_loads(const Packing<Element>& packing, bool flushed = false) {
  std::vector<Element> narrow(65536);
  for (std::size_t i = 0; i < narrow.size(); ++i) narrow[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> wide(narrow.size());
  {
    const auto flush = flushed ? std::make_unique<FlushDenormals>() : nullptr;
    packing.load(narrow.data(), wide.data(), 65536);
  }
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    const std::uint32_t got = bits_of(wide[i]), scalar = bits_of(glint::to_float(narrow[i]));
    ASSERT_TRUE(got == scalar || (is_nan(got) && is_nan(scalar))) << std::hex << i << " " << got << " " << scalar;
  }
}

TEST_P(Convert, LoadsEveryHalf) { expect_loads(GetParam().halves); }
TEST_P(Convert, LoadsEveryBfloat16) { expect_loads(GetParam().brains); }

template <class Element>
void expect_stores(const Packing<Element>& packing, bool flushed = false) {
  const Format& format = format_of<Element>();
  std::vector<std::uint32_t> cases = rounding_cases(format);
  cases.resize((cases.size() + 15) / 16 * 16, 0);
  std::vector<float> wide(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) wide[i] = float_of(cases[i]);
  std::vector<Element> narrow(cases.size());
  {
    const auto flush = flushed ? std::make_unique<FlushDenormals>() : nullptr;
    packing.store(wide.data(), narrow.data(), static_cast<index_t>(cases.size()));
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::uint16_t got = narrow[i].bits, scalar = glint::from_float<Element>(wide[i]).bits;
    ASSERT_TRUE(got == scalar || (is_nan(got, format) && is_nan(scalar, format)))
        << std::hex << cases[i] << " " << got << " " << scalar;
  }
}

TEST_P(Convert, StoresHalvesLikeTheScalarRounding) { expect_stores(GetParam().halves); }
TEST_P(Convert, StoresBfloat16LikeTheScalarRounding) { expect_stores(GetParam().brains); }

TEST_P(Convert, NeedsNoDenormalFloatsOnTheWay) {
  expect_loads(GetParam().halves, true);
  expect_stores(GetParam().halves, true);
  expect_loads(GetParam().brains, true);
  expect_stores(GetParam().brains, true);
}

TEST_P(Convert, FloatsPassUntouched) {
  std::vector<std::uint32_t> cases = rounding_cases(kHalf);
  cases.resize(cases.size() / 16 * 16);
  std::vector<float> from(cases.size()), to(cases.size()), back(cases.size());
  std::memcpy(from.data(), cases.data(), cases.size() * 4);
  GetParam().singles.load(from.data(), to.data(), static_cast<index_t>(cases.size()));
  GetParam().singles.store(to.data(), back.data(), static_cast<index_t>(cases.size()));
  EXPECT_EQ(std::memcmp(to.data(), cases.data(), cases.size() * 4), 0);
  EXPECT_EQ(std::memcmp(back.data(), cases.data(), cases.size() * 4), 0);
}

// Any number of elements, at either end of the accessible memory; zeros behind them.
template <class Element>
void expect_load_some(const Packing<Element>& packing, int lanes) {
  static GuardedBuffer memory(4096);
  for (const Fit fit : {Fit::at_start, Fit::at_end})
    for (index_t count = 0; count <= 2 * lanes; ++count) {
      auto* const from = memory.take<Element>(count, fit);
      for (index_t i = 0; i < count; ++i) from[i] = glint::from_float<Element>(static_cast<float>(i + 1));
      float to[16];
      packing.load_some(from, count, to);
      for (int i = 0; i < lanes; ++i) ASSERT_EQ(to[i], i < count ? static_cast<float>(i + 1) : 0.0F) << count;
    }
}

TEST_P(Convert, LoadsSomeElementsAndNoneBehindThem) {
  GetParam().each_type([](const auto& packing) { expect_load_some(packing, GetParam().lanes); });
}

}  // namespace
}  // namespace glint_test
