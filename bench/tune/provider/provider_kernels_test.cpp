// The two providers that come with glint against plain loops over doubles.
#include <gtest/gtest.h>

#include "tune/provider/provider_host.hpp"
#include "tune/provider/provider_oracle.hpp"

namespace bench::tune {
namespace {

using Mask = ProviderCase::Mask;

const std::vector<ProviderCase> kCases = {
    {.name = "one number", .head_dim = 1, .value_dim = 1},
    {.name = "plain", .batch = 2, .heads = 3, .kv_heads = 3, .q_len = 5, .kv_len = 7, .statistics = true},
    {.name = "triangle", .heads = 4, .kv_heads = 2, .q_len = 9, .kv_len = 9, .hi = 0},
    {.name = "triangle at the lower right", .heads = 2, .kv_heads = 1, .q_len = 4, .kv_len = 9, .hi = 5},
    {.name = "rows without keys", .q_len = 9, .kv_len = 4, .hi = -5, .statistics = true},
    {.name = "band", .batch = 2, .q_len = 12, .kv_len = 12, .lo = -2, .hi = 1},
    {.name = "band that leaves the keys", .q_len = 12, .kv_len = 5, .lo = -2, .hi = 1, .statistics = true},
    {.name = "band beside the diagonal", .q_len = 6, .kv_len = 12, .lo = 3, .hi = 20},
    {.name = "mask", .batch = 2, .heads = 2, .kv_heads = 2, .q_len = 5, .kv_len = 11, .mask = Mask::of_all},
    {.name = "mask of each head",
     .batch = 2,
     .heads = 4,
     .kv_heads = 2,
     .q_len = 5,
     .kv_len = 11,
     .hi = 6,
     .mask = Mask::of_each_head,
     .statistics = true},
    {.name = "other size of v", .heads = 2, .kv_heads = 2, .q_len = 3, .kv_len = 6, .head_dim = 12, .value_dim = 5},
    {.name = "lengths",
     .batch = 3,
     .heads = 2,
     .kv_heads = 1,
     .q_len = 3,
     .kv_len = 9,
     .kv_lens = {9, 0, 4},
     .statistics = true},
    {.name = "lengths and a triangle", .batch = 3, .q_len = 4, .kv_len = 9, .hi = 5, .kv_lens = {2, 9, 5}},
    {.name = "lengths and a band",
     .batch = 2,
     .q_len = 5,
     .kv_len = 12,
     .lo = 2,
     .hi = 8,
     .kv_lens = {12, 6},
     .statistics = true},
    {.name = "decode with a mask of all heads",
     .op = GLINT_DECODE,
     .heads = 4,
     .kv_heads = 2,
     .kv_len = 17,
     .mask = Mask::of_all},
    {.name = "decode", .op = GLINT_DECODE, .batch = 2, .heads = 8, .kv_heads = 2, .kv_len = 33, .statistics = true},
    {.name = "decode with a mask of each head",
     .op = GLINT_DECODE,
     .heads = 4,
     .kv_heads = 2,
     .kv_len = 17,
     .mask = Mask::of_each_head},
    {.name = "pages",
     .op = GLINT_DECODE,
     .batch = 3,
     .heads = 4,
     .kv_heads = 2,
     .kv_len = 21,
     .kv_lens = {21, 3, 8},
     .block_size = 4},
    {.name = "pages and a draft",
     .op = GLINT_DECODE,
     .batch = 2,
     .heads = 2,
     .kv_heads = 1,
     .q_len = 3,
     .kv_len = 16,
     .hi = 13,
     .kv_lens = {10, 16},
     .block_size = 8},
    {.name = "latent", .op = GLINT_DECODE, .heads = 6, .kv_len = 19, .head_dim = 12, .value_dim = 8, .v_in_k = true},
};

// With the types and operators that Eigen's knows beyond those.
std::vector<ProviderCase> more_cases() {
  std::vector<ProviderCase> list;
  for (const ProviderCase& c : kCases) {
    ProviderCase more = c;
    if (c.block_size == 0 && !c.v_in_k) {
      more.op = GLINT_BACKWARD;
      more.name = c.name + ", gradient";
      list.push_back(more);
    }
    more.q_type = more.kv_type = GLINT_BF16;
    more.name += ", bf16";
    list.push_back(more);
    more.op = c.op;
    more.q_type = more.kv_type = GLINT_F16;
    more.name = c.name + ", f16";
    list.push_back(more);
    more.q_type = GLINT_F32;
    more.name = c.name + ", f32 and f16";
    list.push_back(more);
  }
  return list;
}

std::uint64_t needs(const ProviderCase& c) {
  std::uint64_t bits = 0;
  if (c.kv_heads != c.heads) bits |= GLINT_NEEDS_GROUPS;
  if (c.value_dim != c.head_dim) bits |= GLINT_NEEDS_VALUE_DIM;
  if (c.lo != -GLINT_OPEN || c.hi != GLINT_OPEN) bits |= GLINT_NEEDS_WINDOW;
  if (c.mask != Mask::none) bits |= GLINT_NEEDS_MASK;
  if (!c.kv_lens.empty()) bits |= GLINT_NEEDS_LENGTHS;
  if (c.block_size > 0) bits |= GLINT_NEEDS_PAGES;
  if (c.statistics && c.op != GLINT_BACKWARD) bits |= GLINT_NEEDS_STATISTICS;
  if (c.q_type != c.kv_type) bits |= GLINT_NEEDS_DTYPES;
  return bits;
}

double allowed(const ProviderCase& c) {
  const bool all_f32 = c.q_type == GLINT_F32 && c.kv_type == GLINT_F32;
  return all_f32 ? 1e-5 : c.kv_type == GLINT_F16 ? 3e-3 : 2e-2;
}

void expect_close(const char* what, const Tensor& got, const std::vector<double>& want, const ProviderCase& c,
                  std::int64_t heads, std::int64_t rows) {
  double largest = 1;
  for (const double number : want) largest = std::max(largest, std::abs(number));
  std::size_t i = 0;
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t h = 0; h < heads; ++h)
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t d = 0; d < got.dim(); ++d, ++i)
          ASSERT_NEAR(got.get(b, h, r, d), want[i], allowed(c) * largest)
              << what << " of " << c.name << ", entry " << b << ", head " << h << ", row " << r << ", number " << d;
  EXPECT_EQ(i, want.size());
}

void expect_close(const std::vector<float>& got, const std::vector<double>& want, const ProviderCase& c) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(double{got[i]}, want[i], allowed(c) * std::max(1.0, std::abs(want[i]))) << c.name;
}

// What the backward reads of the forward.
void give_forward(ProviderOperands& in, const ExactAnswer& exact) {
  const ProviderCase& c = in.given();
  std::size_t i = 0;
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t h = 0; h < c.heads; ++h)
      for (std::int64_t r = 0; r < c.q_len; ++r)
        for (std::int64_t d = 0; d < c.value_dim; ++d) in.out.set(b, h, r, d, exact.out[i++]);
  std::copy(exact.max.begin(), exact.max.end(), in.max.begin());
  std::copy(exact.sum.begin(), exact.sum.end(), in.sum.begin());
}

// With as much workspace as it asks for, not zeroed, and a byte more that it may not touch.
void run(const Provider& provider, glint_problem problem) {
  Complaint complaint;
  const auto bytes = provider.workspace_bytes(problem, complaint);
  ASSERT_TRUE(bytes) << complaint.message;
  std::vector<std::uint64_t> memory(static_cast<std::size_t>(*bytes) / 8 + 16, ~std::uint64_t{0});
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  auto* const begin = reinterpret_cast<unsigned char*>((address + 63) / 64 * 64);
  problem.workspace = begin;
  problem.workspace_bytes = *bytes;
  ASSERT_TRUE(provider.run(problem, complaint)) << complaint.message;
  EXPECT_EQ(begin[*bytes], 0xff) << "behind the workspace";
}

void expect_right(const Provider& provider, const ProviderCase& c) {
  SCOPED_TRACE(provider.name() + ": " + c.name);
  ProviderOperands in(c);
  const ExactAnswer exact = ProviderOracle(in)();
  if (c.op == GLINT_BACKWARD) give_forward(in, exact);
  ProviderOperands before = in;
  glint_problem problem = in.problem();
  problem.needs = needs(c);
  ASSERT_TRUE(provider.supports(problem));
  run(provider, problem);
  // Bytes, because NaN is not equal to itself: Tensor compares its memory.
  EXPECT_TRUE(in.q == before.q && in.k == before.k && in.v == before.v && in.d_out == before.d_out);
  EXPECT_EQ(in.mask, before.mask);
  EXPECT_TRUE(in.out.gaps() == before.out.gaps() && in.d_q.gaps() == before.d_q.gaps());
  EXPECT_TRUE(in.d_k.gaps() == before.d_k.gaps() && in.d_v.gaps() == before.d_v.gaps());
  if (c.op == GLINT_BACKWARD) {
    EXPECT_TRUE(in.out == before.out);
    expect_close("d_q", in.d_q, exact.d_q, c, c.heads, c.q_len);
    expect_close("d_k", in.d_k, exact.d_k, c, c.kv_heads, c.kv_len);
    expect_close("d_v", in.d_v, exact.d_v, c, c.kv_heads, c.kv_len);
    return;
  }
  expect_close("out", in.out, exact.out, c, c.heads, c.q_len);
  if (c.statistics) expect_close(in.max, exact.max, c), expect_close(in.sum, exact.sum, c);
}

Provider opened(const std::string& name) {
  Complaint complaint;
  std::optional<Provider> provider = Provider::open(std::string(GLINT_PROVIDERS "/glint_provider_") + name, complaint);
  if (!provider) throw std::runtime_error(complaint.message);
  return std::move(*provider);
}

TEST(EigenProvider, IsRight) {
  const Provider eigen = opened("eigen.so");
  for (const ProviderCase& c : kCases) expect_right(eigen, c);
}

TEST(EigenProvider, IsRightInOtherTypesAndBackward) {
  const Provider eigen = opened("eigen.so");
  for (const ProviderCase& c : more_cases()) expect_right(eigen, c);
}

TEST(EigenProvider, RefusesAGradientOfPages) {
  ProviderOperands in({.op = GLINT_BACKWARD, .kv_len = 8, .block_size = 4});
  glint_problem problem = in.problem();
  problem.needs = GLINT_NEEDS_PAGES;
  EXPECT_FALSE(opened("eigen.so").supports(problem));
}

TEST(TextbookProvider, IsRight) {
  const Provider textbook = opened("textbook.so");
  for (const ProviderCase& c : kCases) expect_right(textbook, c);
}

TEST(TextbookProvider, RefusesOtherTypesAndGradients) {
  const Provider textbook = opened("textbook.so");
  for (const ProviderCase& c : more_cases()) {
    ProviderOperands in(c);
    glint_problem problem = in.problem();
    problem.needs = needs(c);
    EXPECT_FALSE(textbook.supports(problem)) << c.name;
  }
}

}  // namespace
}  // namespace bench::tune
