// Foreign kernels as shared libraries: a right one passes on every case that the interface can say, and each wrong one
// is told from it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "kit/case/question_of.hpp"
#include "kit/check/check.hpp"
#include "kit/check/provider_check.hpp"
#include "kit/mutants/scenes.hpp"

namespace {

using kit::DType;
using kit::Question;
using kit::Results;

std::string library(const std::string& name) { return std::string(GLINT_FOREIGN) + "/" + name + ".so"; }

kit::Report report_of(const Question& question, const Results& results) {
  kit::CheckOptions options;
  options.hints = false;
  const kit::Answer answer = kit::answer(question);
  return check(to_bundle(question, answer, tolerances(question, answer)), results, options);
}

struct Tally {
  int ran = 0, refused = 0;

  void put(const Question& question, const std::string& line) {
    Results results;
    std::string refusal;
    const std::string error = run_provider(library("foreign"), question, results, refusal);
    EXPECT_EQ(error, "") << line;
    ++(refusal.empty() ? ran : refused);
    if (!refusal.empty()) return;
    const kit::Report report = report_of(question, results);
    EXPECT_TRUE(report.pass) << line << '\n' << text(report);
  }
};

// Drawn cases in f32, of which it runs what the interface can say.
int cases_run(const char* op, std::uint64_t count) {
  Tally tally;
  for (std::uint64_t number = 0; number < count; ++number) {
    const Question question = kit::question_of(kit::draw_case(op, 51, number));
    if (question.type_of("query") == DType::f32) tally.put(question, question.line);
  }
  return tally.ran;
}

TEST(Foreign, PassesOnForwardCases) { EXPECT_GE(cases_run("fwd", 300), 60); }
TEST(Foreign, PassesOnPromptCases) { EXPECT_GE(cases_run("prompt", 300), 10); }
TEST(Foreign, PassesOnIncreCases) { EXPECT_GE(cases_run("incre", 300), 10); }

TEST(Foreign, PassesOnCappedScores) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Tally tally;
    tally.put(kit::find_scene("cap")->make(seed), "cap");
    EXPECT_EQ(tally.ran, 1);
  }
}

// What run_provider says of a library on a question.
struct Verdict {
  std::string error, refusal;
  Results results;
};
Verdict verdict_of(const std::string& name, const Question& question, unsigned seconds = 60) {
  Verdict verdict;
  verdict.error = run_provider(library(name), question, verdict.results, verdict.refusal, seconds);
  return verdict;
}
Question plain() { return kit::find_scene("plain")->make(0); }

TEST(Foreign, TheOtherCornerIsAFailure) {
  const Question causal = kit::find_scene("causal")->make(0);
  const Verdict verdict = verdict_of("corner", causal);
  EXPECT_EQ(verdict.error + verdict.refusal, "");
  EXPECT_FALSE(report_of(causal, verdict.results).pass);
}

TEST(Foreign, WhatMisbehavesIsASentence) {
  EXPECT_EQ(verdict_of("behind", plain()).error, "it wrote beyond out");
  EXPECT_EQ(verdict_of("input", plain()).error, "it wrote to its input query");
  EXPECT_EQ(verdict_of("code", plain()).error, "second-textbook returned 7: no more tiles");
  EXPECT_TRUE(verdict_of("crash", plain()).error.starts_with("the kernel takes its process with it: "));
  EXPECT_EQ(verdict_of("endless", plain(), 1).error, "the kernel did not return: not done after 1 seconds");
  for (const char* const name : {"behind", "input", "code", "crash"})
    EXPECT_TRUE(verdict_of(name, plain()).results.empty()) << name;
}

TEST(Foreign, RowsOfNoSequenceAreNotTheKernels) {
  Question question = kit::find_scene("ragged")->make(0);
  question.spec.actual_seq_qlen.back() -= 3;
  EXPECT_NE(verdict_of("unowned", question).error.find("whose row belongs to no sequence"), std::string::npos);
  const Verdict right = verdict_of("foreign", question);
  EXPECT_EQ(right.error + right.refusal, "");
  EXPECT_TRUE(report_of(question, right.results).pass);
}

TEST(Foreign, ALibraryThatIsNone) {
  Results results;
  std::string refusal;
  EXPECT_EQ(run_provider("/nowhere/kernel.so", plain(), results, refusal), "/nowhere/kernel.so is no file");
  EXPECT_NE(run_provider(__FILE__, plain(), results, refusal), "");
}

TEST(Foreign, WhatTheInterfaceCannotSay) {
  const auto refusal = [](const Question& question) { return verdict_of("foreign", question).refusal; };
  EXPECT_EQ(refusal(kit::find_scene("integer_cache")->make(0)), "the interface of providers has no integers (key)");
  EXPECT_EQ(refusal(kit::find_scene("int8_output")->make(0)), "the interface of providers has no output of integers");
  EXPECT_EQ(refusal(kit::find_scene("shared_prefix")->make(0)), "the interface of providers has no shared prefix");
  EXPECT_EQ(refusal(kit::find_scene("gradient_bias")->make(0)),
            "the interface of providers has no gradient of a bias or a sink");
  EXPECT_EQ(refusal(kit::find_scene("half_precision")->make(0)), "second-textbook does not support the problem");
  EXPECT_EQ(refusal(kit::find_scene("gradient")->make(0)), "second-textbook does not support the problem");
}

// The page to copy from was written before these needs: it refuses them, and does what it knows.
TEST(Foreign, AnOlderKernelRefusesNewNeeds) {
  const auto textbook = [](const char* scene) { return verdict_of("textbook", kit::find_scene(scene)->make(0)); };
  for (const char* const scene : {"bias", "cap", "sink", "dropout", "ragged", "left_padded"})
    EXPECT_EQ(textbook(scene).refusal, "textbook does not support the problem") << scene;
  for (const char* const scene : {"plain", "causal", "band", "mask_tensor"}) {
    const Verdict verdict = textbook(scene);
    EXPECT_EQ(verdict.error + verdict.refusal, "") << scene;
    EXPECT_EQ(verdict.results.count("softmax_max"), 1U) << scene;
    EXPECT_EQ(verdict.results.count("lse"), 0U) << scene;
  }
}

}  // namespace
