// Results from files: by option, by name, by the names of other libraries, and everything that is refused.
#include "kit/check/foreign.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kit/check/made.hpp"

namespace kit {
namespace {

class Foreign : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("foreign_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // A file with these tensors, each of which holds the number of its position.
  std::string container(const std::string& name, const std::vector<std::string>& tensors) const {
    Bundle bundle;
    for (const std::string& tensor : tensors)
      bundle.tensors[tensor] = filled(Type::f32, {2}, static_cast<float>(bundle.tensors.size()));
    const bool zip = name.ends_with(".npz");
    EXPECT_EQ(zip ? write_npz(path(name), bundle) : write_safetensors(path(name), bundle), "");
    return path(name);
  }
  std::string array(const std::string& name, float value) const {
    EXPECT_EQ(write_npy(path(name), filled(Type::f32, {2}, value)), "");
    return path(name);
  }

  static std::string names(const Results& results) {
    std::string all;
    for (const auto& [name, tensor] : results) all += name + " ";
    return all;
  }
  static std::string error(const std::vector<std::string>& files) {
    Results results;
    return load_results(files, results);
  }

 private:
  std::filesystem::path folder_;
};

constexpr const char* kKnown =
    "known are out, softmax_max, softmax_sum, lse, d_query, d_key, d_value, d_query_rope, d_key_rope, d_pse, d_sink";

TEST_F(Foreign, NamesOfOtherLibraries) {
  for (const auto& [alias, output] : {std::pair{"out", "out"},
                                      {"O", "out"},
                                      {"attention_out", "out"},
                                      {"softmax_lse", "lse"},
                                      {"LSE", "lse"},
                                      {"max", "softmax_max"},
                                      {"sum", "softmax_sum"},
                                      {"dq", "d_query"},
                                      {"dK", "d_key"},
                                      {"dv", "d_value"},
                                      {"dpse", "d_pse"},
                                      {"dsink", "d_sink"},
                                      {"query", ""},
                                      {"", ""}})
    EXPECT_EQ(output_named(alias), output) << alias;
}

TEST_F(Foreign, Arrays) {
  Results results;
  ASSERT_EQ(
      load_results({"out=" + array("mine.npy", 1), array("softmax_lse.npy", 2), "dq=" + array("x.npy", 3)}, results),
      "");
  EXPECT_EQ(names(results), "d_query lse out ");
  EXPECT_EQ(results["lse"].numbers().flat(1), 2);
}

TEST_F(Foreign, Containers) {
  for (const char* name : {"all.safetensors", "all.npz"}) {
    Results results;
    ASSERT_EQ(load_results({container(name, {"o", "lse", "query", "out.tolerance"})}, results), "");
    EXPECT_EQ(names(results), "lse out ");
  }
}

TEST_F(Foreign, OneTensorOfAContainer) {
  Results results;
  ASSERT_EQ(load_results({"dq=" + container("one.safetensors", {"anything"}),
                          "lse=" + container("two.safetensors", {"softmax_lse", "unknown"})},
                         results),
            "");
  EXPECT_EQ(names(results), "d_query lse ");
}

TEST_F(Foreign, Refused) {
  const std::string both = container("both.safetensors", {"out", "mystery"}), mine = array("mine.npy", 1);
  EXPECT_EQ(error({both}), both + ": tensor 'mystery' is no output; " + kKnown);
  EXPECT_EQ(error({mine}), mine + ": 'mine' is no output, say which with NAME=PATH; " + kKnown);
  EXPECT_EQ(error({"qq=" + mine}), std::string("'qq' is no output; ") + kKnown);
  EXPECT_EQ(error({"out=" + mine, "o=" + mine}), mine + ": out was given before");
  const std::string twice = container("twice.safetensors", {"out", "attention_out"});
  EXPECT_EQ(error({twice}), twice + ": out was given before");
  const std::string inputs = container("inputs.safetensors", {"query", "key"});
  EXPECT_EQ(error({inputs}), inputs + ": has no tensor that is an output; " + kKnown);
  EXPECT_EQ(error({"lse=" + inputs}), inputs + ": has no tensor called lse");
  EXPECT_EQ(error({"a.bin"}), "a.bin: want a file that ends in .npy, .npz or .safetensors");
  EXPECT_NE(error({"out=" + path("none.npy")}).find(path("none.npy")), std::string::npos);
  std::ofstream(path("torn.npy")) << "no array";
  EXPECT_NE(error({"out=" + path("torn.npy")}), "");
}

}  // namespace
}  // namespace kit
