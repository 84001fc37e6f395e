// What `export` and `check` do with bundles that somebody else wrote.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "kit/commands.hpp"

namespace {

TEST(Export, NoTensorLeavesTheFolder) {
  const std::string folder = testing::TempDir() + "export_test", path = folder + ".safetensors";
  kit::Bundle bundle;
  ASSERT_EQ(kit::bundle_of("op=fwd n=1 sq=2 d=4", {}, bundle), "");
  for (const char* const name : {"../escaped", ".hidden"}) {
    kit::Bundle hostile = bundle;
    hostile.tensors[name] = bundle.tensors.at("query");
    hostile.notes["sha256"] = sha256_of(hostile);
    ASSERT_EQ(write_safetensors(path, hostile), "");
    EXPECT_EQ(kit::export_bundle(path, folder),
              path + ": tensor '" + name + "': is no name for a file, export to .npz");
  }
  EXPECT_FALSE(std::filesystem::exists(testing::TempDir() + "escaped.npy"));
  ASSERT_EQ(write_safetensors(path, bundle), "");
  EXPECT_EQ(kit::export_bundle(path, folder), "");
  EXPECT_TRUE(std::filesystem::exists(folder + "/query.npy"));
  std::filesystem::remove_all(folder);
  std::remove(path.c_str());
}

TEST(Check, ABundleThatIsNoneIsAnError) {
  const std::string path = testing::TempDir() + "export_test_none.safetensors";
  kit::Bundle bundle;
  bundle.notes["sha256"] = sha256_of(bundle);
  ASSERT_EQ(write_safetensors(path, bundle), "");
  kit::Bundle results;
  results.tensors["out"] = {kit::Type::f32, {1}, std::vector<std::byte>(4)};
  const std::string result = testing::TempDir() + "export_test_result.safetensors";
  ASSERT_EQ(write_safetensors(result, results), "");
  EXPECT_EQ(kit::check_files(path, {result}, {}).error, "no note 'format': this is no bundle of glint");
  std::remove(path.c_str());
  std::remove(result.c_str());
}

}  // namespace
