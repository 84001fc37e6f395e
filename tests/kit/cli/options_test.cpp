#include "kit/cli/options.hpp"

#include <gtest/gtest.h>

namespace {

using kit::cli::parse_words;
using kit::cli::Words;

Words words(const std::vector<std::string>& arguments) { return parse_words(arguments, {"--tile", "-o"}, {"--json"}); }

TEST(Words, OptionsMayStandAnywhereAndBeJoined) {
  const Words parsed = words({"a", "--tile", "64,128", "-o", "out", "b", "--json"});
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.plain, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parsed.value("--tile"), "64,128");
  EXPECT_EQ(words({"--tile=1,2"}).value("--tile"), "1,2");
  EXPECT_EQ(words({"--tile="}).value("--tile", "otherwise"), "");
  EXPECT_EQ(parsed.value("--absent", "otherwise"), "otherwise");
  EXPECT_TRUE(parsed.has("--json"));
}

TEST(Words, MinusNumbersAndWordsWithEqualsArePlainOrUnknown) {
  EXPECT_EQ(words({"next=-1", "-"}).plain, (std::vector<std::string>{"next=-1", "-"}));
  EXPECT_EQ(words({"-1"}).error, "unknown option -1");
}

TEST(Words, ErrorsNameTheOption) {
  EXPECT_EQ(words({"--tiles", "1"}).error, "unknown option --tiles");
  EXPECT_EQ(words({"--tile"}).error, "--tile needs a value");
  EXPECT_EQ(words({"--json", "--json"}).error, "--json is given twice");
  EXPECT_EQ(words({"--json=1"}).error, "unknown option --json");
}

TEST(Words, NumbersAreWholeAndInRange) {
  std::uint64_t number = 0;
  EXPECT_TRUE(kit::cli::read_number("18446744073709551615", ~std::uint64_t{0}, number));
  EXPECT_EQ(number, ~std::uint64_t{0});
  for (const char* text : {"", "-1", "1.5", " 1", "1 ", "0x10", "18446744073709551616", "nan"})
    EXPECT_FALSE(kit::cli::read_number(text, ~std::uint64_t{0}, number)) << text;
  EXPECT_FALSE(kit::cli::read_number("11", 10, number));
  double decimal = 0;
  EXPECT_TRUE(kit::cli::read_decimal("-0.5", decimal));
  EXPECT_EQ(decimal, -0.5);
  for (const char* text : {"", "nan", "inf", "1e999", "1x"})
    EXPECT_FALSE(kit::cli::read_decimal(text, decimal)) << text;
}

}  // namespace
