// glint-test: isa-matrix
// examples/generate: that its two attention operators continue each other, that layouts, threads, the place of the
// cache and the chunks of a prompt change nothing, and the text that a real model writes.
#include "synthetic.hpp"

namespace {

using namespace generate_test;

Storage stored(const std::string& cache, glint::DType dtype = glint::DType::f32, const std::string& layout = "BSH") {
  return {dtype, layout, generate::detail::parse_cache("--cache", cache)};
}

class Generation : public ::testing::Test {
 protected:
  Vector scores_after(const Storage& storage, int threads, bool at_once) const {
    if (at_once) return scores_after_chunks(storage, threads, 0);
    const Workers workers(threads);
    Transformer transformer(model_, storage, static_cast<Index>(tokens_.size()), workers);
    Vector scores;
    for (const int token : tokens_) scores = transformer({token});
    return scores;
  }
  Vector scores_after_chunks(const Storage& storage, int threads, Index chunk) const {
    const Workers workers(threads);
    return Transformer(model_, storage, static_cast<Index>(tokens_.size()), workers)(tokens_, chunk);
  }

  TemporaryFile file_{model_bytes()};
  Model model_ = read_model(file_.path());
  std::vector<int> tokens_{1, 263, 260, 17, 264, 99, 3, 262, 100, 200, 55};
};

TEST_F(Generation, DecodeContinuesPrefill) {
  const Vector at_once = scores_after({}, 1, true), stepwise = scores_after({}, 1, false);
  EXPECT_LE((at_once - stepwise).cwiseAbs().maxCoeff(), 1e-4F * at_once.cwiseAbs().maxCoeff());
}

TEST_F(Generation, LayoutAndThreadsChangeNoBit) {
  for (const glint::DType dtype : {glint::DType::f32, glint::DType::f16, glint::DType::bf16}) {
    for (const bool at_once : {false, true}) {
      const Vector want = scores_after({dtype, "BSH"}, 1, at_once);
      for (const char* const layout : {"BSH", "BNSD", "BSND"})
        for (const int threads : {1, 2, 3})
          EXPECT_EQ(scores_after({dtype, layout}, threads, at_once), want) << layout << ", " << threads << " threads";
    }
  }
}

TEST_F(Generation, SixteenBitsAreClose) {
  const Vector want = scores_after({}, 1, true);
  const auto distance = [&](glint::DType dtype) {
    return (scores_after({dtype, "BSH"}, 1, true) - want).norm() / want.norm();
  };
  EXPECT_LT(distance(glint::DType::f16), 0.01F);
  EXPECT_LT(distance(glint::DType::bf16), 0.1F);
  EXPECT_GT(distance(glint::DType::bf16), 0.0F);
}

constexpr const char* kPlaces[] = {"plain", "paged:1", "paged:3", "paged:16", "paged:128", "left"};

TEST_F(Generation, PlaceOfTheCacheChangesNoBit) {
  for (const glint::DType dtype : {glint::DType::f32, glint::DType::bf16}) {
    for (const std::string numbers : {"", "int8:"}) {
      for (const bool at_once : {false, true}) {
        const Vector want = scores_after(stored(numbers + "plain", dtype), 1, at_once);
        for (const char* const place : kPlaces)
          for (const char* const layout : {"BSH", "BNSD", "BSND"})
            for (const int threads : {1, 2})
              EXPECT_EQ(scores_after(stored(numbers + place, dtype, layout), threads, at_once), want)
                  << numbers << place << ", " << layout << ", " << threads << " threads, at once: " << at_once;
      }
    }
  }
}

// Matrix products of other sizes may round otherwise, so bits are compared between chunks of one size.
TEST_F(Generation, APromptInChunksIsTheSamePrompt) {
  for (const std::string numbers : {"", "int8:"}) {
    const Vector at_once = scores_after(stored(numbers + "plain"), 1, true);
    for (const Index chunk : {1, 3, 7, 11, 64}) {
      const Vector want = scores_after_chunks(stored(numbers + "plain"), 1, chunk);
      EXPECT_LE((want - at_once).cwiseAbs().maxCoeff(), 1e-4F * at_once.cwiseAbs().maxCoeff()) << chunk;
      for (const char* const place : kPlaces)
        for (const char* const layout : {"BSH", "BNSD", "BSND"})
          EXPECT_EQ(scores_after_chunks(stored(numbers + place, glint::DType::f32, layout), 2, chunk), want)
              << numbers << place << ", " << layout << ", chunks of " << chunk;
    }
  }
}

TEST_F(Generation, AnInt8CacheIsClose) {
  for (const bool at_once : {false, true}) {
    const Vector want = scores_after({}, 1, at_once), scores = scores_after(stored("int8"), 1, at_once);
    EXPECT_LT((scores - want).norm(), 0.05F * want.norm());
    EXPECT_GT((scores - want).norm(), 0);
  }
}

TEST_F(Generation, ComparesUpToTheFirstDifference) {
  const Workers workers(1);
  Transformer transformer(model_, stored("plain"), 4, workers);
  Reference reference(model_, 4, workers, Sampler(0, 1));
  Sampler sample(0, 1);
  Vector logits = transformer({1, 263});
  const int first = sample(logits);
  reference.follow({1, 263}, logits, first);
  EXPECT_EQ(reference.comparison().equal_tokens, 1);
  EXPECT_EQ(reference.comparison().logit_error, 0);

  logits = transformer({first});
  const int second = sample(logits), other = second == 5 ? 6 : 5;
  logits[7] += 0.5F;
  reference.follow({first}, logits, other);
  reference.follow({other}, logits, first);  // too late to count
  const Comparison& comparison = reference.comparison();
  ASSERT_TRUE(comparison.first.has_value());
  EXPECT_EQ(comparison.first->position, 3);
  EXPECT_EQ(comparison.first->token, other);
  EXPECT_EQ(comparison.first->reference, second);
  EXPECT_EQ(comparison.equal_tokens, 1);
  EXPECT_NEAR(comparison.logit_error, 0.5F, 1e-4F);
}

TEST(ComparisonInWords, SaysWhatWasFound) {
  const auto text = [](int token) { return token == 1 ? std::string(" the") : std::string("\n"); };
  EXPECT_EQ(in_words({.equal_tokens = 256, .logit_error = 0.0123F}, text),
            "all 256 tokens equal, largest logit error: 0.0123");
  EXPECT_EQ(in_words({.equal_tokens = 36, .first = {{37, 1, 2}}, .logit_error = 2}, text),
            "first differing token: 37 (\" the\" instead of \"\\n\"), largest logit error before it: 2");
}

TEST_F(Generation, ATemperatureDrawsBySeed) {
  const Vector scores = scores_after({}, 1, true);
  const auto draw = [&](std::uint64_t seed) {
    Sampler sample(2.0F, seed);
    std::vector<int> drawn;
    for (int i = 0; i < 20; ++i) drawn.push_back(sample(scores));
    return drawn;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

std::string text_of(const Options& options) {
  std::string text;
  generate::generate(options, {[&](const std::string& piece) { text += piece; }, [](Index, Index) {}});
  return text;
}

TEST_F(Generation, ChecksThePromptAgainstTheContext) {
  const TemporaryFile tokenizer(tokenizer_bytes());
  Options options;
  options.model = file_.path();
  options.tokenizer = tokenizer.path();
  options.prompt = "abababa";
  EXPECT_EQ(text_of(options).substr(0, 7), "abababa");
  options.prompt = std::string(25, 'b');
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "longer than the model's context of 24"));
  options.prompt = std::string(1 << 24, 'b');  // must not take the time of 2^24 merges
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "longer than the model's context of 24"));
  options.prompt = "ab b b";
  options.steps = 2;
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "--steps"));
  options.steps = 25;
  EXPECT_TRUE(says(refusal([&] { text_of(options); }), "--steps is 25, the model's context 24"));
}

constexpr const char* kFloatCaches[] = {"plain", "paged:1", "paged:7", "paged:16", "paged:32", "paged:128", "left"};

class RealModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path folder = models();
    if (folder.empty()) GTEST_SKIP() << "NOT TESTED: no stories260K.bin in $GLINT_MODELS or in ../shared/models";
    std::ifstream file(folder / "stories260K.greedy256.txt", std::ios::binary);
    golden_ = {std::istreambuf_iterator<char>(file), {}};
    options_.model = folder / "stories260K.bin";
    options_.tokenizer = folder / "tok512.bin";
  }

  // The text so far, up to 87 tokens that the tokenizer finds again, as a prompt.
  std::string first_sentences() const {
    const std::string last = "let's go to the park.\"";
    return golden_.substr(0, golden_.find(last) + last.size());
  }

  std::string golden_;
  Options options_;
};

TEST_F(RealModel, WritesTheReferenceTextFromAnyFloatCache) {
  for (const char* const cache : kFloatCaches) {
    for (const char* const layout : {"BSH", "BNSD", "BSND"}) {
      for (const int threads : {1, 2}) {
        options_.threads = threads;
        options_.storage = stored(cache, glint::DType::f32, layout);
        EXPECT_EQ(text_of(options_) + "\n\n", golden_) << cache << ", " << layout << ", " << threads << " threads";
      }
    }
  }
}

TEST_F(RealModel, ContinuesAPromptReadInChunks) {
  options_.prompt = first_sentences();
  for (const char* const cache : kFloatCaches) {
    for (const char* const layout : {"BSH", "BNSD", "BSND"}) {
      for (const int threads : {1, 2}) {
        for (const Index chunk : {0, 1, 7, 64}) {
          options_.threads = threads;
          options_.chunk = chunk;
          options_.storage = stored(cache, glint::DType::f32, layout);
          EXPECT_EQ(text_of(options_) + "\n\n", golden_)
              << cache << ", " << layout << ", " << threads << " threads, chunks of " << chunk;
        }
      }
    }
  }
}

// Bounds are for the largest of 256 * 512 logits, which lie between -20 and 22.
TEST_F(RealModel, SaysWhereSmallerTypesPart) {
  const auto expect_close = [&](const char* cache, const char* dtype, float bound, const char* chunk = "1",
                                std::optional<std::string> prompt = {}) {
    options_ = parse({options_.model, "--compare", "--cache", cache, "--dtype", dtype, "--chunk", chunk});
    options_.prompt = prompt;
    std::string text;
    const Outcome outcome =
        generate::generate(options_, {[&](const std::string& piece) { text += piece; }, [](Index, Index) {}});
    ASSERT_TRUE(outcome.comparison.has_value());
    const Comparison& comparison = *outcome.comparison;
    EXPECT_LE(comparison.logit_error, bound) << cache << ", " << dtype;
    EXPECT_EQ(comparison.first.has_value(), text + "\n\n" != golden_) << cache << ", " << dtype;
    const Index written = 256 - (outcome.timing.prompt_tokens - 1);
    EXPECT_EQ(comparison.equal_tokens,
              comparison.first ? comparison.first->position - outcome.timing.prompt_tokens : written);
    std::printf("%s, %s%s%s: %s\n", cache, dtype, prompt ? ", prompt in chunks of " : "", prompt ? chunk : "",
                outcome.comparison_in_words.c_str());
  };
  expect_close("plain", "f32", 0);
  expect_close("paged:16", "f32", 0);
  expect_close("plain", "f16", 0.1F);
  expect_close("plain", "bf16", 0.5F);
  for (const char* const cache : {"int8", "int8:paged:16", "int8:left"}) {
    expect_close(cache, "f32", 2);
    expect_close(cache, "bf16", 2);
    for (const char* const chunk : {"1", "7", "64"}) expect_close(cache, "f32", 2, chunk, first_sentences());
  }
}

}  // namespace
