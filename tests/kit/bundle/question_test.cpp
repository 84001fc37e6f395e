// What a bundle restores is asked and answered like the original, bit for bit: drawn cases of all operators, through
// memory and through files.
#include <gtest/gtest.h>

#include <bit>
#include <cstdio>

#include <unistd.h>

#include "kit/bundle/bundle.hpp"
#include "kit/case/drawn.hpp"
#include "support/case_generator.hpp"
#include "support/decode_generator.hpp"
#include "support/prompt_generator.hpp"

namespace {

using kit::Answer;
using kit::Array;
using kit::Bundle;
using kit::DType;
using kit::index_t;
using kit::Question;

constexpr std::uint64_t kSeed = 20261122;

// Equal bits; of NaN any.
bool same(const Array& left, const Array& right) {
  if (left.shape != right.shape || left.data.size() != right.data.size()) return false;
  for (std::size_t i = 0; i < left.data.size(); ++i) {
    const bool both_nan = left.data[i] != left.data[i] && right.data[i] != right.data[i];
    if (!both_nan && std::bit_cast<std::uint64_t>(left.data[i]) != std::bit_cast<std::uint64_t>(right.data[i]))
      return false;
  }
  return true;
}
bool same(const kit::ByteArray& left, const kit::ByteArray& right) {
  return left.shape == right.shape && left.data == right.data;
}

void expect_same_inputs(const Question& left, const Question& right) {
  kit::visit_inputs(left.spec, [&](const std::string& name, const auto& mine) {
    kit::visit_inputs(right.spec, [&](const std::string& other, const auto& theirs) {
      if constexpr (std::is_same_v<decltype(mine), decltype(theirs)>) {
        if (name == other) {
          EXPECT_TRUE(same(mine, theirs)) << name;
        }
      }
    });
  });
  EXPECT_TRUE(same(left.d_out, right.d_out)) << "d_out";
}

// Every output, also those that no bundle holds.
void expect_same_answers(const Answer& left, const Answer& right) {
  kit::visit_outputs(left, [&](const std::string& name, const Array& mine) {
    kit::visit_outputs(right, [&](const std::string& other, const Array& theirs) {
      if (name == other) {
        EXPECT_TRUE(same(mine, theirs)) << name;
      }
    });
  });
  EXPECT_TRUE(same(left.forward.weighted_abs_v, right.forward.weighted_abs_v));
  EXPECT_TRUE(same(left.forward.score_abs, right.forward.score_abs));
  ASSERT_EQ(left.forward.probabilities.size(), right.forward.probabilities.size());
}

void expect_outputs_kept(const Answer& answer, const Bundle& bundle) {
  kit::visit_outputs(answer, [&](const std::string& name, const Array& output) {
    const kit::Tensor* tensor = bundle.find(name);
    ASSERT_EQ(tensor != nullptr, output.present()) << name;
    if (tensor == nullptr) return;
    EXPECT_TRUE(same(tensor->numbers(), output)) << name;
  });
}

void expect_restored(const Question& question, bool through_file) {
  const Answer answer = kit::answer(question);
  Bundle bundle = kit::to_bundle(question, answer, {});
  if (through_file) {
    const std::string path = testing::TempDir() + "question_test." + std::to_string(getpid()) + ".safetensors";
    Bundle read;
    ASSERT_EQ(kit::write_safetensors(path, bundle), "");
    ASSERT_EQ(kit::read_safetensors(path, read), "");
    std::remove(path.c_str());
    EXPECT_EQ(read.notes, bundle.notes);
    bundle = std::move(read);
  }
  EXPECT_EQ(kit::verify(bundle), "");
  expect_outputs_kept(answer, bundle);
  Question restored;
  ASSERT_EQ(kit::from_bundle(bundle, restored), "");
  expect_same_inputs(question, restored);
  EXPECT_EQ(restored.line, question.line);
  EXPECT_EQ(restored.out_type, question.out_type);
  EXPECT_EQ(restored.types, question.types);
  EXPECT_EQ(restored.rounds_p, question.rounds_p);
  expect_same_answers(answer, kit::answer(restored));
}

TEST(BundleOfTraining, IsAnsweredLikeItsQuestion) {
  constexpr DType types[] = {DType::f32, DType::f16, DType::bf16};
  for (std::uint64_t number = 0; number < 1000 && !HasFailure(); ++number) {
    SCOPED_TRACE("number " + std::to_string(number));
    const bool gradient = number % 2 == 1;
    const glint_test::Case c = glint_test::generate(kSeed, number);
    expect_restored(kit::question_of(c, types[number % 3], gradient), number % 5 == 0);
  }
}

// All pairs of types of query and cache in turn.
template <class Generate>
void expect_drawn_restored(const Generate& generate, std::vector<std::pair<index_t, index_t>> pairs) {
  using namespace glint_test;
  for (const index_t query : {index_t{kF32}, index_t{kF16}, index_t{kBf16}})
    for (const index_t cache : {query, index_t{kInt8}, index_t{kInt4}}) pairs.emplace_back(query, cache);
  for (std::uint64_t number = 0; number < 1000 && !testing::Test::HasFailure(); ++number) {
    const auto [query, cache] = pairs[number % pairs.size()];
    SCOPED_TRACE("number " + std::to_string(number) + ", types " + std::to_string(query) + " " + std::to_string(cache));
    expect_restored(kit::question_of(generate(kSeed, number, query, cache)), number % 5 == 0);
  }
}

TEST(BundleOfPrompt, IsAnsweredLikeItsQuestion) {
  expect_drawn_restored(glint_test::generate_prompt, {{glint_test::kInt8, glint_test::kInt8}});
}

TEST(BundleOfDecode, IsAnsweredLikeItsQuestion) {
  using namespace glint_test;
  expect_drawn_restored(generate_decode, {{kF32, kF16}, {kF32, kBf16}});
}

}  // namespace
