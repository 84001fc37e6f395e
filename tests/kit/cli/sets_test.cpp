// The sets that come along: every line of both makes a legal case, and the bundles of the small one are what its lines
// make today.
#include "kit/cli/sets.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "kit/case/case_line.hpp"

namespace {

using kit::Bundle;
using kit::cli::Entry;

std::vector<Entry> set(const std::string& name) {
  std::vector<Entry> entries;
  EXPECT_EQ(kit::cli::read_lines(std::string(GLINT_GOLDEN) + "/" + name + ".txt", entries), "");
  return entries;
}

// Inputs bit by bit; answers and tolerances as near as two mathematical libraries are.
void expect_same(const Bundle& made, const Bundle& kept) {
  for (const auto& [name, note] : kept.notes) {
    if (name == "sha256" || name == "glint") continue;
    const auto mine = made.notes.find(name);
    ASSERT_NE(mine, made.notes.end()) << name;
    EXPECT_EQ(mine->second, note) << name;
  }
  EXPECT_EQ(made.tensors.size(), kept.tensors.size());
  for (const auto& [name, tensor] : kept.tensors) {
    const kit::Tensor* const mine = made.find(name);
    ASSERT_NE(mine, nullptr) << name;
    ASSERT_EQ(mine->shape, tensor.shape) << name;
    const bool tolerance = name.find(".tolerance") != std::string::npos;
    if (tensor.type != kit::Type::f64 && !tolerance) {
      EXPECT_EQ(mine->bytes, tensor.bytes) << name;
      continue;
    }
    const kit::Array a = mine->numbers(), b = tensor.numbers();
    for (kit::index_t i = 0; i < a.size(); ++i) {
      const double near = tolerance ? 0x1p-22 * b.flat(i) : 1e-12 * std::abs(b.flat(i)) + 1e-13;
      ASSERT_TRUE(a.flat(i) == b.flat(i) || std::abs(a.flat(i) - b.flat(i)) <= near) << name << " at " << i;
    }
  }
}

TEST(Sets, EveryLineMakesALegalCase) {
  for (const char* name : {"small", "large"}) {
    const std::vector<Entry> entries = set(name);
    EXPECT_GE(entries.size(), 20u);
    for (const Entry& entry : entries) {
      const kit::ParsedLine parsed = kit::parse_case(entry.line);
      EXPECT_EQ(parsed.error, "") << entry.line;
      if (parsed.error.empty()) {
        EXPECT_EQ(kit::why_illegal(parsed.value), "") << entry.line;
      }
    }
  }
}

TEST(Sets, TheSmallOneIsKept) {
  for (const Entry& entry : set("small")) {
    SCOPED_TRACE(entry.name);
    Bundle made, kept;
    ASSERT_EQ(kit::bundle_of(entry.line, {}, made), "");
    ASSERT_EQ(kit::read_safetensors(std::string(GLINT_GOLDEN) + "/" + entry.name + ".safetensors", kept), "");
    ASSERT_EQ(kit::verify(kept), "");
    expect_same(made, kept);
  }
}

TEST(Sets, LinesAreReadWithNamesAndComments) {
  const std::string path = testing::TempDir() + "sets_test.txt";
  std::ofstream(path) << "# a comment\n\n  first: op=fwd n=1  # another\nop=bwd n=1\n";
  std::vector<Entry> entries;
  ASSERT_EQ(kit::cli::read_lines(path, entries), "");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "first");
  EXPECT_EQ(entries[0].line, "op=fwd n=1");
  EXPECT_EQ(entries[1].name, "00004");
  std::ofstream(path) << "../escape: op=fwd\n";
  EXPECT_EQ(kit::cli::read_lines(path, entries), path + ": line 1: '../escape' is no file name");
  std::ofstream(path) << "a: op=fwd\na: op=bwd\n";
  EXPECT_EQ(kit::cli::read_lines(path, entries), path + ": line 2: 'a' is there twice");
  std::remove(path.c_str());
  EXPECT_EQ(kit::cli::read_lines(path, entries), path + ": cannot be read");
}

TEST(Sets, TheFirstErrorNamesItsCase) {
  const std::string folder = testing::TempDir() + "sets_test";
  const std::string error = kit::cli::make_all({{"odd", "op=fwd n=3 nkv=2 sq=4 d=8"}}, folder, {});
  EXPECT_EQ(error.substr(0, 14), "odd: illegal: ") << error;
  std::vector<Entry> entries;
  EXPECT_EQ(kit::cli::draw_lines("all", 7, 8, entries), "");
  EXPECT_EQ(kit::cli::make_all(entries, folder, {}), "");
  for (const Entry& entry : entries) {
    Bundle bundle;
    EXPECT_EQ(kit::read_safetensors(folder + "/" + entry.name + ".safetensors", bundle), "");
    EXPECT_EQ(kit::verify(bundle), "");
  }
  EXPECT_NE(kit::cli::draw_lines("fw", 7, 1, entries), "");
}

}  // namespace
