// The host's side of foreign kernels: what a library must be to be let in, and what becomes of what it says.
#include "tune/provider/provider_host.hpp"

#include <gtest/gtest.h>

#include <cstddef>

#include "tune/provider/provider_case.hpp"

namespace bench::tune {
namespace {

const std::string kProviders = GLINT_PROVIDERS;  // a folder

std::string bad(const std::string& name) { return kProviders + "/bad/" + name + ".so"; }

void expect_refused(const std::string& path, const std::string& code, const std::string& part) {
  Complaint complaint;
  EXPECT_FALSE(Provider::open(path, complaint)) << path;
  EXPECT_EQ(complaint.code, code) << path;
  EXPECT_NE(complaint.message.find(part), std::string::npos) << complaint.message;
}

Provider opened(const std::string& path) {
  Complaint complaint;
  std::optional<Provider> provider = Provider::open(path, complaint);
  if (!provider) throw std::runtime_error(complaint.message);
  return std::move(*provider);
}

TEST(Provider, IsALibraryFile) {
  expect_refused(kProviders + "/nowhere.so", "provider_file", "nowhere.so is no file");
  expect_refused(kProviders, "provider_file", "is no file");
  expect_refused("", "provider_file", "is no file");
  expect_refused(GLINT_TEXT_FILE, "provider_library", "textbook.c");
}

TEST(Provider, DefinesEveryFunctionOfThisVersion) {
  expect_refused(bad("symbol"), "provider_symbol", "does not define glint_provider_run");
  expect_refused(bad("abi"), "provider_abi", "built for version 7 of the interface, this is 1");
}

TEST(Provider, HasANameForRecordsAndCommands) {
  expect_refused(bad("null_name"), "provider_name", "\"null\"");
  expect_refused(bad("quoted_name"), "provider_name", "\"a \"fast\"?kernel\"");
  expect_refused(bad("long_name"), "provider_name", "1 to 40");
  EXPECT_EQ(opened(kProviders + "/glint_provider_eigen.so").name(), "eigen_unfused");
  EXPECT_EQ(opened(kProviders + "/glint_provider_textbook.so").name(), "textbook");
}

TEST(Provider, IsFoundWithoutASlashInItsPath) {
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(kProviders);
  EXPECT_EQ(opened("glint_provider_textbook.so").name(), "textbook");
  std::filesystem::current_path(here);
}

TEST(Provider, AsksForAPlausibleWorkspace) {
  ProviderOperands operands({});
  const glint_problem problem = operands.problem();
  for (const char* name : {"negative", "absurd"}) {
    const Provider provider = opened(bad(name));
    Complaint complaint;
    EXPECT_FALSE(provider.workspace_bytes(problem, complaint));
    EXPECT_EQ(complaint.code, "workspace");
    EXPECT_NE(complaint.message.find("bytes of workspace; it may have 0 to 8589934592"), std::string::npos);
  }
}

TEST(Provider, TellsWhyItCouldNot) {
  ProviderOperands operands({});
  Complaint complaint;
  EXPECT_FALSE(opened(bad("code")).run(operands.problem(), complaint));
  EXPECT_EQ(complaint.code, "refused");
  EXPECT_EQ(complaint.message, "code returned 7: the \"moon\" is?in the wrong phase");
}

TEST(Provider, HasOneOwner) {
  static_assert(!std::is_copy_constructible_v<Provider> && !std::is_copy_assignable_v<Provider>);
  Provider first = opened(kProviders + "/glint_provider_textbook.so");
  Provider second = std::move(first);
  second = opened(kProviders + "/glint_provider_eigen.so");
  second = opened(kProviders + "/glint_provider_textbook.so");
  ProviderOperands operands({});
  EXPECT_TRUE(second.supports(operands.problem()));
}

TEST(Provider, TwoMayBeOpenAtOnce) {  // their symbols have the same names
  const Provider eigen = opened(kProviders + "/glint_provider_eigen.so"),
                 textbook = opened(kProviders + "/glint_provider_textbook.so");
  ProviderOperands backward({.op = GLINT_BACKWARD});
  EXPECT_TRUE(eigen.supports(backward.problem()));
  EXPECT_FALSE(textbook.supports(backward.problem()));
}

// What a later version of the interface looks like to a provider of today.
struct LaterProblem {
  glint_problem today;
  std::uint64_t appended;
};

TEST(Provider, WorksWithALaterHost) {
  for (const char* file : {"/glint_provider_eigen.so", "/glint_provider_textbook.so"}) {
    const Provider provider = opened(kProviders + file);
    ProviderOperands operands({});
    LaterProblem later{operands.problem(), 17};
    later.today.size = sizeof later;
    EXPECT_TRUE(provider.supports(later.today)) << "fields that say nothing do not matter";
    later.today.needs |= std::uint64_t{1} << 40;
    EXPECT_FALSE(provider.supports(later.today)) << "a need that it cannot know";
  }
}

TEST(Provider, RefusesOperatorsAndTypesThatItDoesNotKnow) {
  for (const char* file : {"/glint_provider_eigen.so", "/glint_provider_textbook.so"}) {
    const Provider provider = opened(kProviders + file);
    ProviderOperands operands({});
    glint_problem problem = operands.problem();
    problem.op = 17;
    EXPECT_FALSE(provider.supports(problem));
    problem = operands.problem();
    problem.q.dtype = 0 | 8 << 8 | 1 << 16;  // int8
    EXPECT_FALSE(provider.supports(problem));
  }
}

// Providers are compiled by others: these numbers may never change.
TEST(ProviderHeader, FieldsNeverMove) {
  EXPECT_EQ(sizeof(glint_tensor), 40U);
  EXPECT_EQ(offsetof(glint_problem, size), 0U);
  EXPECT_EQ(offsetof(glint_problem, op), 16U);
  EXPECT_EQ(offsetof(glint_problem, batch), 24U);
  EXPECT_EQ(offsetof(glint_problem, q), 80U);
  EXPECT_EQ(offsetof(glint_problem, d_out), 240U);
  EXPECT_EQ(offsetof(glint_problem, scale), 400U);
  EXPECT_EQ(offsetof(glint_problem, key_lo), 408U);
  EXPECT_EQ(offsetof(glint_problem, mask), 424U);
  EXPECT_EQ(offsetof(glint_problem, kv_lens), 456U);
  EXPECT_EQ(offsetof(glint_problem, block_table), 464U);
  EXPECT_EQ(offsetof(glint_problem, softmax_max), 488U);
  EXPECT_EQ(offsetof(glint_problem, workspace), 504U);
  EXPECT_GE(sizeof(glint_problem), 520U);
}

TEST(ProviderHeader, TypesAreThoseOfDlpack) {
  struct {  // DLDataType
    std::uint8_t code, bits;
    std::uint16_t lanes;
  } type{};
  static_assert(sizeof type == sizeof(std::uint32_t));
  const auto is = [&](std::uint32_t number, int code, int bits) {
    std::memcpy(&type, &number, sizeof type);
    return type.code == code && type.bits == bits && type.lanes == 1;
  };
  EXPECT_TRUE(is(GLINT_F32, 2, 32));   // kDLFloat
  EXPECT_TRUE(is(GLINT_F16, 2, 16));   // kDLFloat
  EXPECT_TRUE(is(GLINT_BF16, 4, 16));  // kDLBfloat
}

}  // namespace
}  // namespace bench::tune
