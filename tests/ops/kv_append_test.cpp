// kv_append against the definition: where each number goes, what it becomes, and that nothing else is written.
// glint-test: fast-math
#include "glint/ops/kv_append.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/kv_append_case.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

using glint::AntiquantMode;
using glint::AppendFactors;
using glint::bfloat16;
using glint::DType;
using glint::half;
using glint::int4x2;
using glint::Layout;
using glint::Status;
using glint::to_float;

template <class Element>
void expect_same_bits(Element got, Element want, const std::string& what) {
  EXPECT_EQ(std::memcmp(&got, &want, sizeof got), 0) << what << ": " << to_float(got) << " " << to_float(want);
}

half as_stored(float x, half) { return {rounded(x, kHalf)}; }
bfloat16 as_stored(float x, bfloat16) { return {rounded(x, kBfloat16)}; }
float as_stored(float x, float) { return x; }

template <class Element, class Stored>
void expect_float_cache() {
  for (const Form& form : all_forms()) {
    AppendCase<Element, Stored> c(form, {}, 1);
    const Status status = c.run();
    ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;
    for (int t : {0, 1}) {
      c.each_new([&](index_t b, index_t h, index_t i) {
        for (index_t d = 0; d < c.dim(t); ++d)
          expect_same_bits(c.data(t)[c.cache_place(t, b, h, i, d)],
                           as_stored(to_float(c.row_number(t, b, h, i, d)), Stored{}), form.name());
      });
      EXPECT_EQ(c.spoiled(t), 0) << form.name();
    }
  }
}

TEST(KvAppend, FloatCachesOfTheRowsType) {
  expect_float_cache<float, float>();
  expect_float_cache<half, half>();
  expect_float_cache<bfloat16, bfloat16>();
}

TEST(KvAppend, FloatCachesOfAnotherType) {
  expect_float_cache<float, half>();
  expect_float_cache<float, bfloat16>();
  expect_float_cache<half, float>();
  expect_float_cache<bfloat16, half>();
}

TEST(KvAppend, RowsOfTheCachesTypeKeepTheirBits) {
  AppendCase<half, half> c({}, {}, 2);
  for (std::size_t i = 0; i < c.rows[0].size(); ++i)
    c.rows[0][i].bits = static_cast<std::uint16_t>(0x7c01 + i);  // NaNs
  ASSERT_TRUE(c.run());
  c.each_new([&](index_t b, index_t h, index_t i) {
    for (index_t d = 0; d < c.s.dim; ++d)
      EXPECT_EQ(c.data(0)[c.cache_place(0, b, h, i, d)].bits, c.row_number(0, b, h, i, d).bits);
  });
}

// Given factors in their type, and what they are.
struct Given {
  std::vector<std::uint8_t> scale, offset;
  std::vector<double> scales, offsets;

  Given(index_t count, DType type, bool with_offset, std::uint64_t seed) {
    Random random(seed);
    for (index_t i = 0; i < count; ++i) {
      add(scale, scales, 0.05 + 0.01 * static_cast<double>(random.below(20)), type);
      add(offset, offsets, with_offset ? 3 * random.normal() : 0, type);
    }
    if (!with_offset) offset.clear();
  }
  static void add(std::vector<std::uint8_t>& bytes, std::vector<double>& values, double value, DType type) {
    const auto exact = static_cast<float>(value);
    const auto put = [&](auto stored) {
      const auto* const raw = reinterpret_cast<const std::uint8_t*>(&stored);
      bytes.insert(bytes.end(), raw, raw + sizeof stored);
      values.push_back(static_cast<double>(to_float(stored)));
    };
    if (type == DType::f16) return put(glint::from_float<half>(exact));
    if (type == DType::bf16) return put(glint::from_float<bfloat16>(exact));
    put(exact);
  }
  AppendFactors factors(DType type, AntiquantMode mode, bool single) const {
    return {.scale = scale.data(),
            .offset = offset.empty() ? nullptr : offset.data(),
            .dtype = type,
            .mode = mode,
            .single = single};
  }
};

// x_int is the integer nearest to x / scale - offset, or the bound that is.
void expect_code(int code, double x, double scale, double offset, double most, const std::string& what) {
  const double exact = x / scale - offset, slack = 0x1p-22 * (1 + std::abs(x / scale) + std::abs(offset));
  if (exact > most) {
    EXPECT_GE(code, most - (exact < most + 0.5 + slack)) << what;
  } else if (exact < -most - 1) {
    EXPECT_EQ(code, -most - 1) << what;
  } else {
    EXPECT_LE(std::abs(code - exact), 0.5 + slack) << what << ": " << exact;
    EXPECT_LE(std::abs((code + offset) * scale - x), scale * (0.5 + slack)) << what;  // what decode reads
  }
  EXPECT_LE(code, most) << what;
}

template <class Element, class Stored>
void expect_given(AntiquantMode mode, bool single, DType type, bool with_offset) {
  for (const Form& form : all_forms()) {
    AppendCase<Element, Stored> c(form, {.dim = 70}, 3);  // more channels than are quantized at once
    const auto count = [&](int t) {
      return mode == AntiquantMode::per_head ? c.s.heads : single ? 1 : c.s.heads * c.dim(t);
    };
    const Given given[2] = {{count(0), type, with_offset, 4}, {count(1), type, with_offset, 5}};
    const Status status = c.run(given[0].factors(type, mode, single), given[1].factors(type, mode, single));
    ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;
    for (int t : {0, 1}) {
      c.each_new([&](index_t b, index_t h, index_t i) {
        for (index_t d = 0; d < c.dim(t); ++d) {
          const std::size_t f = mode == AntiquantMode::per_head ? size(h) : single ? 0 : size(h * c.dim(t) + d);
          expect_code(c.code(t, c.cache_place(t, b, h, i, d)), to_float(c.row_number(t, b, h, i, d)),
                      given[t].scales[f], given[t].offsets[f], c.kMost, form.name());
        }
      });
      EXPECT_EQ(c.spoiled(t), 0) << form.name();
    }
  }
}

TEST(KvAppend, GivenFactors) {
  expect_given<float, std::int8_t>(AntiquantMode::per_channel, false, DType::f32, true);
  expect_given<half, std::int8_t>(AntiquantMode::per_channel, false, DType::f16, true);
  expect_given<bfloat16, int4x2>(AntiquantMode::per_channel, false, DType::bf16, false);
  expect_given<float, int4x2>(AntiquantMode::per_channel, true, DType::f32, true);
  expect_given<bfloat16, std::int8_t>(AntiquantMode::per_channel, true, DType::f32, false);
  expect_given<half, std::int8_t>(AntiquantMode::per_head, false, DType::f32, true);
  expect_given<float, int4x2>(AntiquantMode::per_head, false, DType::f16, false);
}

template <class Element, class Stored>
void expect_chosen(bool per_head) {
  constexpr float kUnwritten = -7;
  for (const Form& form : all_forms()) {
    AppendCase<Element, Stored> c(form, {}, 6);
    const AntiquantMode mode = form.paged()
                                   ? per_head ? AntiquantMode::per_token_head_paged : AntiquantMode::per_token_paged
                               : per_head ? AntiquantMode::per_token_head
                                          : AntiquantMode::per_token;
    const index_t columns = form.paged() ? 0 : c.s.room + 2;
    const index_t tokens = form.paged() ? c.blocks * form.block_size : c.s.batch * columns;
    std::vector<float> scales[2];
    for (auto& list : scales) list.assign(size(tokens * (per_head ? c.s.heads : 1)), kUnwritten);
    const AppendFactors k{.mode = mode, .chosen = scales[0].data(), .columns = columns};
    const AppendFactors v{.mode = mode, .chosen = scales[1].data(), .columns = columns};
    const Status status = c.run(k, v);
    ASSERT_TRUE(static_cast<bool>(status)) << form.name() << ": " << status.rule;
    for (int t : {0, 1}) {
      std::vector<float> rest = scales[t];
      c.each_new([&](index_t b, index_t h, index_t i) {
        float largest = 0;
        for (index_t head = 0; head < c.s.heads; ++head)
          for (index_t d = 0; d < c.dim(t) && (head == h || !per_head); ++d)
            largest = std::max(largest, std::abs(to_float(c.row_number(t, b, head, i, d))));
        const std::size_t place = size(c.factor_place(mode, columns, b, h, i));
        const double scale = scales[t][place];
        EXPECT_NEAR(scale, largest / c.kMost, 0x1p-23 * scale) << form.name();
        for (index_t d = 0; d < c.dim(t); ++d)
          expect_code(c.code(t, c.cache_place(t, b, h, i, d)), to_float(c.row_number(t, b, h, i, d)), scale, 0, c.kMost,
                      form.name());
        rest[place] = kUnwritten;
      });
      EXPECT_EQ(c.spoiled(t), 0) << form.name();
      EXPECT_EQ(static_cast<std::size_t>(std::count(rest.begin(), rest.end(), kUnwritten)), rest.size()) << form.name();
    }
  }
}

TEST(KvAppend, FactorsChosenForEachToken) {
  expect_chosen<float, std::int8_t>(false);
  expect_chosen<half, int4x2>(false);
}

TEST(KvAppend, FactorsChosenForEachTokenAndHead) {
  expect_chosen<bfloat16, std::int8_t>(true);
  expect_chosen<float, int4x2>(true);
}

// One head, one token, eight numbers, and no V.
template <class Stored>
std::vector<int> codes_of(const std::vector<float>& x, const AppendFactors& factors) {
  AppendCase<float, Stored> c({}, {1, 1, 1, 8, 8, 1, {0}, {1}}, 7);
  auto p = c.problem().first;
  p.k = x.data(), p.k_factors = factors;
  p.v = nullptr, p.kv.v = nullptr;
  const Status status = kv_append(p, Layout::BSH);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule;
  EXPECT_EQ(std::count(c.cache[1].begin(), c.cache[1].end(), kPoison), 8 / c.kNumbers);
  std::vector<int> codes;
  for (index_t d = 0; d < 8; ++d) codes.push_back(c.code(0, d));
  return codes;
}
using Codes = std::vector<int>;

TEST(KvAppendQuantization, TiesGoToTheEvenNumber) {
  const float scale = 0.5F, offset = -1;
  EXPECT_EQ(codes_of<std::int8_t>({0.25F, 0.75F, 1.25F, -0.25F, -0.75F, -1.25F, 0, 63.25F},
                                  {.scale = &scale, .single = true}),
            (Codes{0, 2, 2, 0, -2, -2, 0, 126}));
  EXPECT_EQ(codes_of<int4x2>({0.25F, 0.75F, 1.25F, -0.25F, -0.75F, -1.25F, 0, 2.5F},
                             {.scale = &scale, .offset = &offset, .single = true}),
            (Codes{2, 2, 4, 0, 0, -2, 1, 6}));
}

TEST(KvAppendQuantization, SaturatesAndTakesNaNForZero) {
  const float scale = 0.5F, nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{63.5F, 63.8F, 1e30F, -64, -65, inf, -inf, nan};
  EXPECT_EQ(codes_of<std::int8_t>(x, {.scale = &scale, .single = true}),
            (Codes{127, 127, 127, -128, -128, 127, -128, 0}));
  EXPECT_EQ(codes_of<int4x2>(x, {.scale = &scale, .single = true}), (Codes{7, 7, 7, -8, -8, 7, -8, 0}));
  float chosen = 0;
  EXPECT_EQ(codes_of<std::int8_t>({1, -inf, nan, 0, 1e38F, -1e38F, 0, 0},
                                  {.mode = AntiquantMode::per_token, .chosen = &chosen, .columns = 1}),
            (Codes{0, -127, 0, 0, 37, -37, 0, 0}));
  EXPECT_EQ(chosen, std::numeric_limits<float>::max() / 127);
}

TEST(KvAppendQuantization, IntegersSurvive) {
  float chosen = 0;
  const AppendFactors factors{.mode = AntiquantMode::per_token, .chosen = &chosen, .columns = 1};
  for (const float unit : {1.0F, 0.125F, 3.0F, 0x1p-100F}) {
    EXPECT_EQ(codes_of<std::int8_t>({unit * 127, unit, -unit * 126, -unit * 127, 0, unit * 64, unit * 3, unit * -77},
                                    factors),
              (Codes{127, 1, -126, -127, 0, 64, 3, -77}));
    EXPECT_EQ(chosen, unit);
    EXPECT_EQ(codes_of<int4x2>({unit * 7, unit, -unit * 6, -unit * 7, 0, unit * 4, unit * 3, unit * -2}, factors),
              (Codes{7, 1, -6, -7, 0, 4, 3, -2}));
    EXPECT_EQ(chosen, unit);
  }
}

// Factors that decode may divide by, whatever the row.
TEST(KvAppendQuantization, ZerosAndDenormalsHaveLegalFactors) {
  float chosen = 0;
  const AppendFactors factors{.mode = AntiquantMode::per_token, .chosen = &chosen, .columns = 1};
  EXPECT_EQ(codes_of<std::int8_t>(std::vector<float>(8), factors), Codes(8));
  EXPECT_EQ(chosen, 1.0F);
  constexpr float kLeast = std::numeric_limits<float>::min();
  EXPECT_EQ(codes_of<std::int8_t>({kLeast * 2, kLeast, -kLeast, 0, 0, 0, 0, 0}, factors),
            (Codes{2, 1, -1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(chosen, kLeast);
}

TEST(KvAppendQuantization, TheQuotientIsThatOfADivision) {
  Random random(8);
  for (int i = 0; i < 1000000; ++i) {
    const float x = float_of(0x30000000u | static_cast<std::uint32_t>(random.word()) >> 4);
    const float scale = float_of(0x3a000000u | static_cast<std::uint32_t>(random.word()) >> 7);
    const double product = static_cast<double>(x) * glint::detail::Divisor::of(scale, 0).reciprocal;
    ASSERT_EQ(static_cast<float>(product), x / scale) << x << " / " << scale;
  }
}

}  // namespace
}  // namespace glint_test
