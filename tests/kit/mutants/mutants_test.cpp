// The checker is checked: an independent kernel passes, each of its broken forms is caught, and the hints call a
// mistaken convention by its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "kit/case/question_of.hpp"
#include "kit/check/check.hpp"
#include "kit/mutants/broken.hpp"
#include "kit/mutants/scenes.hpp"

namespace {

using kit::Bug;
using kit::Bundle;
using kit::Question;
using kit::Report;

constexpr kit::TileSize kTile{16, 16};
constexpr std::uint64_t kSeeds = 3;

Bundle bundle_of(const Question& question) {
  const kit::Answer answer = kit::answer(question);
  return to_bundle(question, answer, tolerances(question, answer));
}

Report report_of(const Question& question, const Bundle& bundle, Bug bug, bool hints) {
  kit::CheckOptions options;
  options.tile = kTile;
  options.hints = hints;
  return check(bundle, run_broken(question, bug, kTile), options);
}

// `count` cases of an operator, of all its types.
void expect_passes(const char* op, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count; ++number) {
    const Question question = kit::question_of(kit::draw_case(op, 21, number));
    const Report report = report_of(question, bundle_of(question), Bug::none, false);
    EXPECT_TRUE(report.pass) << question.line << '\n' << text(report);
  }
}

TEST(Mutants, WithoutABugForwardCasesPass) { expect_passes("fwd", 200); }
TEST(Mutants, WithoutABugGradientsPass) { expect_passes("bwd", 120); }
TEST(Mutants, WithoutABugPromptCasesPass) { expect_passes("prompt", 250); }
TEST(Mutants, WithoutABugIncreCasesPass) { expect_passes("incre", 250); }

// Scenes with their bundles, which take longer to make than to be used.
struct Staged {
  Question question;
  Bundle bundle;
};
const Staged& staged(const std::string& scene, std::uint64_t seed) {
  static std::map<std::pair<std::string, std::uint64_t>, Staged> all;
  Staged& stage = all[{scene, seed}];
  if (stage.bundle.tensors.empty()) {
    stage.question = kit::find_scene(scene)->make(seed);
    stage.bundle = bundle_of(stage.question);
  }
  return stage;
}

TEST(Mutants, TheTableNamesEveryBugOnce) {
  std::set<std::string> names, shown;
  Bug next = Bug::none;
  for (const kit::BugInfo& info : kit::bugs()) {
    next = static_cast<Bug>(static_cast<int>(next) + 1);
    EXPECT_EQ(info.bug, next) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.scenes.empty()) << info.name;
    EXPECT_TRUE(info.kind == kit::BugClass::failure || !info.hints.empty()) << info.name;
    for (const std::string& scene : info.scenes) {
      EXPECT_NE(kit::find_scene(scene), nullptr) << info.name << ": " << scene;
      shown.insert(scene);
    }
  }
  EXPECT_EQ(next, Bug::d_sink_missing);
  EXPECT_EQ(shown.size(), kit::scenes().size());
}

TEST(Mutants, EveryScenePassesWithoutABug) {
  for (const kit::Scene& scene : kit::scenes())
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Staged& stage = staged(scene.name, seed);
      const Report report = report_of(stage.question, stage.bundle, Bug::none, false);
      EXPECT_TRUE(report.pass) << scene.name << ' ' << seed << '\n' << text(report);
    }
}

// f(info, scene, seed)
template <class Each>
void for_bugs(const Each& each) {
  for (const kit::BugInfo& info : kit::bugs())
    for (const std::string& scene : info.scenes)
      for (std::uint64_t seed = 0; seed < kSeeds; ++seed) each(info, scene, seed);
}

TEST(Mutants, EveryBugIsCaught) {
  for_bugs([](const kit::BugInfo& info, const std::string& scene, std::uint64_t seed) {
    const Staged& stage = staged(scene, seed);
    EXPECT_FALSE(report_of(stage.question, stage.bundle, info.bug, false).pass)
        << info.name << " on " << scene << ' ' << seed;
  });
}

struct Tally {
  int asked = 0, named = 0;
  std::string misses;

  void add(const kit::BugInfo& info, const std::string& scene, std::uint64_t seed, const Report& report) {
    const bool right = !report.hints.empty() && std::ranges::count(info.hints, report.hints.front().id) > 0;
    ++asked;
    named += right ? 1 : 0;
    if (right) return;
    misses += "  " + std::string(info.name) + " on " + scene + ' ' + std::to_string(seed) + ":";
    for (const kit::Hint& hint : report.hints) misses += ' ' + hint.id;
    misses += report.hints.empty() ? " no hint\n" : "\n";
  }
};

TEST(Mutants, HintsNameTheConvention) {
  Tally tally;
  for_bugs([&](const kit::BugInfo& info, const std::string& scene, std::uint64_t seed) {
    if (info.kind != kit::BugClass::convention) return;
    const Staged& stage = staged(scene, seed);
    tally.add(info, scene, seed, report_of(stage.question, stage.bundle, info.bug, true));
  });
  std::printf("%d of %d conventions are named first.  The others:\n%s", tally.named, tally.asked, tally.misses.c_str());
  EXPECT_GE(tally.named * 10, tally.asked * 9);
}

// Of failures only some have a hint; where none is expected, a hint would be a wrong one.
TEST(Mutants, HintsOfFailuresAreNotWrong) {
  Tally named, silent;
  for_bugs([&](const kit::BugInfo& info, const std::string& scene, std::uint64_t seed) {
    if (info.kind != kit::BugClass::failure) return;
    const Staged& stage = staged(scene, seed);
    const Report report = report_of(stage.question, stage.bundle, info.bug, true);
    if (!info.hints.empty()) return named.add(info, scene, seed, report);
    if (!report.hints.empty()) silent.add(info, scene, seed, report);
  });
  std::printf("%d of %d failures with a hint are named first.  The others:\n%s", named.named, named.asked,
              named.misses.c_str());
  EXPECT_GE(named.named * 10, named.asked * 8);
  EXPECT_EQ(silent.misses, "");
}

}  // namespace
