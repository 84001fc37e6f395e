// With a workspace nothing is allocated; without one there is one allocation, and when it fails nothing is written.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "glint/glint.hpp"

namespace {

int allocations = 0;
bool refuse = false;

void* allocate(std::size_t bytes) {
  ++allocations;
  return refuse ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
}
void* allocate_or_throw(std::size_t bytes) {
  void* const memory = allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Every form that a library could reach.
void* operator new(std::size_t bytes) { return allocate_or_throw(bytes); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace {

using glint::Code;
using glint::DType;

struct Count {
  int before = allocations;
  int now() const { return allocations - before; }
};

TEST(Allocation, TheHooksAreSeen) {
  const Count count;
  delete new int(1);
  EXPECT_EQ(count.now(), 1);
}

template <class Operator, class Problem>
void expect_no_allocation(const Operator& attend, const Problem& problem, const char* name) {
  std::vector<std::byte> workspace(static_cast<std::size_t>(Operator::workspace_bytes(problem)));
  const Count count;
  const glint::Status status = attend(problem, glint::Serial{}, workspace);
  EXPECT_EQ(count.now(), 0) << name;
  EXPECT_TRUE(static_cast<bool>(status)) << name << ": " << status.rule;
}

template <class Operator, class Problem>
void expect_one_allocation(const Operator& attend, Problem problem, const char* name) {
  std::vector<float> out(3 * 70 * 20, 77.0F), lse(3 * 70, 77.0F);
  const std::vector<float> untouched = out, untouched_lse = lse;
  problem.out = out.data();
  problem.lse = lse.data();
  const Count count;
  refuse = true;
  const glint::Status failed = attend(problem);
  refuse = false;
  EXPECT_EQ(count.now(), 1) << name;
  EXPECT_EQ(failed.code, Code::out_of_memory) << name;
  EXPECT_EQ(failed.want, Operator::workspace_bytes(problem)) << name;
  EXPECT_TRUE(out == untouched && lse == untouched_lse) << name;
  EXPECT_TRUE(static_cast<bool>(attend(problem))) << name;
  EXPECT_EQ(count.now(), 2) << name;
  EXPECT_FALSE(out == untouched) << name;
}

template <class Operator, class Problem>
void expect_frugal(const Operator& attend, const Problem& problem, const char* name) {
  expect_no_allocation(attend, problem, name);
  expect_one_allocation(attend, problem, name);
}

struct Numbers {
  std::vector<float> q = std::vector<float>(3 * 70 * 20, 0.5F), out = std::vector<float>(3 * 70 * 20);
  std::vector<std::uint8_t> mask = std::vector<std::uint8_t>(70 * 70);
};

TEST(Allocation, Score) {
  Numbers n;
  glint::ScoreProblem<float> p{.q = n.q.data(), .k = n.q.data(), .v = n.q.data(), .out = n.out.data()};
  p.shape = {.batch = 1, .heads = 3, .q_len = 70, .kv_len = 70, .head_dim = 20};
  p.attn_mask = {n.mask.data(), 1, 1, 70, 70};
  expect_frugal(glint::FlashAttentionScore<glint::layout::BSND, float>{}, p, "score");
}

// With a bias that heads share, whose gradient takes a pass of its own.
TEST(Allocation, ScoreGrad) {
  Numbers n;
  std::vector<float> max(3 * 70, 1.0F), sum = max, bias(70 * 70), sink(3), d_bias(70 * 70), d_sink(3);
  std::vector<float> d_q(n.q.size(), 77.0F), d_k = d_q, d_v = d_q;
  const std::vector<float> untouched = d_q;
  glint::ScoreGradProblem<float> p;
  p.forward = {.q = n.q.data(), .k = n.q.data(), .v = n.q.data(), .out = n.out.data()};
  p.forward.shape = {.batch = 1, .heads = 3, .q_len = 70, .kv_len = 70, .head_dim = 20};
  p.forward.attn_mask = {n.mask.data(), 1, 1, 70, 70};
  p.forward.pse = {bias.data(), DType::f32, 1, 1, 70, 70};
  p.forward.softmax_max = max.data(), p.forward.softmax_sum = sum.data(), p.forward.sink = sink.data();
  p.d_out = n.q.data(), p.d_q = d_q.data(), p.d_k = d_k.data(), p.d_v = d_v.data();
  p.d_pse = d_bias.data(), p.d_sink = d_sink.data();
  const glint::FlashAttentionScoreGrad<glint::layout::BSND, float> gradient;
  const Count count;
  refuse = true;
  const glint::Status failed = gradient(p);
  refuse = false;
  EXPECT_EQ(count.now(), 1);
  EXPECT_EQ(failed.code, Code::out_of_memory);
  EXPECT_EQ(failed.want, gradient.workspace_bytes(p));
  EXPECT_TRUE(d_q == untouched && d_k == untouched && d_v == untouched);
  expect_no_allocation(gradient, p, "score grad");
}

TEST(Allocation, Prompt) {
  Numbers n;
  glint::PromptProblem<float> p{.q = n.q.data(), .kv = {.k = n.q.data(), .v = n.q.data()}, .out = n.out.data()};
  p.shape = {.batch = 1, .heads = 3, .q_len = 70, .kv_len = 70, .head_dim = 20};
  expect_frugal(glint::PromptFlashAttention<glint::layout::BNSD, float, glint::SparseMode::right_down_causal>{}, p,
                "prompt");
}

TEST(Allocation, Incre) {
  Numbers n;
  glint::IncreProblem<float> p{.q = n.q.data(), .kv = {.k = n.q.data(), .v = n.q.data()}, .out = n.out.data()};
  p.shape = {.batch = 1, .heads = 3, .q_len = 1, .kv_len = 70, .head_dim = 20};
  expect_frugal(glint::IncreFlashAttention<glint::layout::BNSD, float>{}, p, "incre");
}

// Several parts or tiles, pages, integers with factors of each slot.
struct PagedInt8 {
  static constexpr glint::index_t kBlock = 16, kBlocks = 130;
  std::vector<std::int8_t> pool = std::vector<std::int8_t>(kBlocks * kBlock * 20, 3);
  std::vector<float> factors = std::vector<float>(kBlocks * kBlock, 0.5F);
  std::vector<std::int32_t> table = std::vector<std::int32_t>(kBlocks);
  glint::index_t lengths[1] = {2070};

  PagedInt8() {
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::int32_t>(table.size() - 1 - i);
  }
  template <class Problem>
  void fill(Problem& p) const {
    p.kv = {.k = pool.data(),
            .v = pool.data(),
            .block_table = table.data(),
            .max_blocks = kBlocks,
            .block_size = kBlock,
            .blocks = kBlocks};
    p.shape = {.batch = 1, .heads = 3, .kv_heads = 1, .q_len = 1, .head_dim = 20};
    p.kv_lens = lengths;
  }
  template <class Problem>
  void fill_factors(Problem& p) const {
    p.k_antiquant = p.v_antiquant = {.scale = factors.data(), .mode = glint::AntiquantMode::per_token_paged};
  }
};

TEST(Allocation, IncrePagedInt8) {
  const PagedInt8 cache;
  Numbers n;
  glint::IncreProblem<float, glint::kv::Paged<std::int8_t>> p{.q = n.q.data(), .out = n.out.data()};
  cache.fill(p), cache.fill_factors(p);
  expect_frugal(glint::IncreFlashAttention<glint::layout::BSH, float, glint::kv::Paged<std::int8_t>>{}, p,
                "incre, paged int8");
}

TEST(Allocation, PromptPagedInt8) {
  using Attend = glint::PromptFlashAttention<glint::layout::BSH, float, glint::SparseMode::right_down_causal,
                                             glint::kv::Paged<std::int8_t>>;
  const PagedInt8 cache;
  Numbers n;
  Attend::Problem p{.q = n.q.data(), .out = n.out.data()};
  cache.fill(p), cache.fill_factors(p);
  p.shape.q_len = 70;
  expect_frugal(Attend{}, p, "prompt, paged int8");
}

TEST(Allocation, PromptOfInt8) {
  using Attend = glint::PromptFlashAttention<glint::layout::BSH, std::int8_t, glint::SparseMode::default_mask,
                                             glint::kv::Paged<std::int8_t>>;
  const PagedInt8 cache;
  const std::vector<std::int8_t> q(3 * 70 * 20, 5);
  std::vector<glint::half> out(q.size());
  Attend::Problem p{.q = q.data(), .out = out.data()};
  cache.fill(p);
  p.shape.q_len = 70;
  p.int8 = {0.001F, 127.0F, 0.01F};
  expect_no_allocation(Attend{}, p, "prompt of int8");
}

// attend(call) and attend(call, executor, workspace) are a door.
template <class Call, class Attend>
void expect_frugal_door(Numbers& n, const Call& call, const Attend& attend, const char* name) {
  std::vector<std::byte> workspace(static_cast<std::size_t>(workspace_bytes(call)));
  const Count count;
  EXPECT_TRUE(static_cast<bool>(check(call))) << name;
  EXPECT_TRUE(static_cast<bool>(attend(call, glint::Serial{}, workspace))) << name;
  EXPECT_EQ(count.now(), 0) << name;
  const std::vector<float> before = n.out;
  std::fill(n.out.begin(), n.out.end(), 77.0F);
  refuse = true;
  const glint::Status failed = attend(call);
  refuse = false;
  EXPECT_EQ(failed.code, Code::out_of_memory) << name;
  for (const float value : n.out) ASSERT_EQ(value, 77.0F) << name;
  EXPECT_TRUE(static_cast<bool>(attend(call))) << name;
  EXPECT_TRUE(n.out == before) << name;
}

TEST(Allocation, RunTimeDoors) {
  Numbers n;
  glint::FlashAttentionScoreCall score;
  score.query = score.key = score.value = {n.q.data(), DType::f32, {1, 70, 60}};
  score.attention_out = {n.out.data(), DType::f32, {1, 70, 60}};
  score.head_num = 3;
  expect_frugal_door(
      n, score,
      [](auto&&... arguments) { return glint::flash_attention_score(std::forward<decltype(arguments)>(arguments)...); },
      "score");
  glint::PromptFlashAttentionCall prompt;
  prompt.query = prompt.key = prompt.value = {n.q.data(), DType::f32, {1, 70, 60}};
  prompt.attention_out = {n.out.data(), DType::f32, {1, 70, 60}};
  prompt.num_heads = 3;
  expect_frugal_door(
      n, prompt,
      [](auto&&... arguments) {
        return glint::prompt_flash_attention(std::forward<decltype(arguments)>(arguments)...);
      },
      "prompt");
}

TEST(Allocation, ARefusalAllocatesNothing) {
  const glint::FlashAttentionScore<glint::layout::BSND, float> attend;
  const Count count;
  EXPECT_FALSE(static_cast<bool>(attend({})));
  EXPECT_EQ(count.now(), 0);
}

}  // namespace
