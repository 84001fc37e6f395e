// The operators' problems as providers see them: the Eigen provider calculates the benches' operands, and the benches'
// own checks judge; what cannot be said is refused by name.
#include "tune/provider/provider_problem.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/answer.hpp"
#include "support/cached_answer.hpp"

namespace bench::tune {
namespace {

using glint::half, glint::bfloat16;

const Provider& eigen() {
  static const Provider provider = [] {
    Complaint complaint;
    std::optional<Provider> opened = Provider::open(GLINT_PROVIDERS "/glint_provider_eigen.so", complaint);
    if (!opened) throw std::runtime_error(complaint.message);
    return std::move(*opened);
  }();
  return provider;
}

void run(std::optional<glint_problem> problem, const Complaint& why) {
  ASSERT_TRUE(problem) << why.message;
  ASSERT_TRUE(eigen().supports(*problem));
  Complaint complaint;
  const Buffer<std::byte> memory(eigen().workspace_bytes(*problem, complaint).value());
  problem->workspace = memory.data();
  problem->workspace_bytes = memory.count();
  ASSERT_TRUE(eigen().run(*problem, complaint)) << complaint.message;
}

template <class Element>
void expect_right(const Workload& w, std::uint64_t needs) {
  const Inputs<Element> in(w);
  Complaint complaint;
  const auto problem = provider_problem(problem_of<glint::ScoreProblem<Element>>(in), w.layout, w.mode, 1, complaint);
  run(problem, complaint);
  EXPECT_TRUE(right(in));
  EXPECT_EQ(problem ? problem->needs : ~needs, needs);
}

template <class Element, class Kv>
void expect_right(const CachedWorkload& w, std::uint64_t needs) {
  const CachedInputs<Element, Kv> in(w);
  Complaint complaint;
  const auto erased = glint::detail::erase(in.template problem<glint::IncreProblem<Element, Kv>>(0), w.layout);
  const auto problem = provider_problem(erased, GLINT_DECODE, 1, complaint);
  run(problem, complaint);
  EXPECT_TRUE(right(in, 0));
  EXPECT_EQ(problem ? problem->needs : ~needs, needs);
}

const Shape kShape{.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 17, .kv_len = 29, .head_dim = 16};

TEST(ProviderProblem, OfTraining) {
  expect_right<float>({.shape = {.batch = 1, .heads = 2, .q_len = 9, .kv_len = 9, .head_dim = 8}}, 0);
  for (const Layout layout : {Layout::BNSD, Layout::BSND, Layout::BSH, Layout::SBH})
    expect_right<float>({.shape = kShape, .mode = glint::SparseMode::right_down_causal, .layout = layout},
                        GLINT_NEEDS_GROUPS | GLINT_NEEDS_WINDOW);
  expect_right<float>({.shape = kShape, .mode = glint::SparseMode::band, .tokens = {.pre = 3, .next = 2}},
                      GLINT_NEEDS_GROUPS | GLINT_NEEDS_WINDOW);
  expect_right<half>({.shape = kShape, .mode = glint::SparseMode::left_up_causal},
                     GLINT_NEEDS_GROUPS | GLINT_NEEDS_WINDOW);
  expect_right<bfloat16>({.shape = kShape, .dense_mask = true}, GLINT_NEEDS_GROUPS | GLINT_NEEDS_MASK);
}

TEST(ProviderProblem, OfDecode) {
  const CachedWorkload plain{.shape = {.batch = 3, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = 40, .head_dim = 16},
                             .in_cache = true};
  CachedWorkload w = plain;
  using F32 = glint::kv::Contiguous<float>;
  expect_right<float, F32>(w, GLINT_NEEDS_GROUPS);
  expect_right<float, glint::kv::Contiguous<half>>(w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_DTYPES);
  w.kv_lens = {40, 7, 23};
  expect_right<float, F32>(w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_LENGTHS);
  w.shape.q_len = 4;
  w.draft = glint::DraftMask::causal;
  expect_right<float, F32>(w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_LENGTHS | GLINT_NEEDS_WINDOW);
  w.block_size = 8;
  for (const glint::PageLayout pages : {glint::PageLayout::token_major, glint::PageLayout::head_major}) {
    w.pages = pages;
    expect_right<bfloat16, glint::kv::Paged<bfloat16>>(
        w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_LENGTHS | GLINT_NEEDS_WINDOW | GLINT_NEEDS_PAGES);
  }
  w = plain;
  w.block_size = 8;
  expect_right<float, glint::kv::Paged<float>>(w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_PAGES);
  w = plain;
  w.shape.kv_heads = 1, w.shape.value_dim = 12, w.v_in_k = true;
  expect_right<float, F32>(w, GLINT_NEEDS_GROUPS | GLINT_NEEDS_VALUE_DIM);
}

// A prompt against a cache, and its window.
TEST(ProviderProblem, OfPrompts) {
  CachedWorkload w{.shape = {.batch = 2, .heads = 2, .q_len = 6, .kv_len = 24, .head_dim = 16},
                   .draft = glint::DraftMask::causal,
                   .kv_lens = {24, 11},
                   .in_cache = true};
  const CachedInputs<float, glint::kv::Contiguous<float>> in(w);
  const auto prompt = in.problem<glint::PromptProblem<float>>(0);
  const auto erased = glint::detail::erase(prompt, w.layout, w.layout, glint::SparseMode::right_down_causal);
  Complaint complaint;
  const auto problem = provider_problem(erased, GLINT_FORWARD, 3, complaint);
  run(problem, complaint);
  EXPECT_TRUE(right(in, 0));
  EXPECT_EQ(problem->op, GLINT_FORWARD);
  EXPECT_EQ(problem->threads, 3);
  EXPECT_EQ(problem->key_lo, -GLINT_OPEN);
  EXPECT_EQ(problem->key_hi, 24 - 6);
  const auto from_the_left = glint::detail::erase(prompt, w.layout, w.layout, glint::SparseMode::left_up_causal);
  EXPECT_FALSE(provider_problem(from_the_left, GLINT_FORWARD, 1, complaint));
  EXPECT_EQ(complaint.code, "unsupported");
}

// Every gradient where its problem says, and of the forward what its problem says.
TEST(ProviderProblem, OfGradients) {
  const Inputs<float> in({.shape = kShape, .mode = glint::SparseMode::right_down_causal});
  float memory[6] = {};
  glint::ScoreGradProblem<float> gradient{.forward = problem_of<glint::ScoreProblem<float>>(in)};
  gradient.d_out = memory, gradient.d_q = memory + 1, gradient.d_k = memory + 2, gradient.d_v = memory + 3;
  gradient.d_k_strides = {1000, 100, 10};
  Complaint complaint;
  const auto of = [&] {
    return provider_problem(gradient, Layout::BSND, glint::SparseMode::right_down_causal, 1, complaint);
  };
  EXPECT_FALSE(of()) << "without statistics";
  gradient.forward.softmax_max = memory + 4, gradient.forward.softmax_sum = memory + 5;
  const auto p = of();
  ASSERT_TRUE(p) << complaint.message;
  EXPECT_EQ(p->op, GLINT_BACKWARD);
  EXPECT_EQ(p->needs, GLINT_NEEDS_GROUPS | GLINT_NEEDS_WINDOW);
  const std::set<const void*> places{p->d_out.data, p->d_q.data,    p->d_k.data,
                                     p->d_v.data,   p->softmax_max, p->softmax_sum};
  EXPECT_EQ(places.size(), 6U);
  EXPECT_TRUE(p->d_out.data == gradient.d_out && p->d_q.data == gradient.d_q && p->d_v.data == gradient.d_v);
  EXPECT_EQ(p->d_k.batch_stride, 1000);
  EXPECT_EQ(p->d_k.head_stride, 100);
  EXPECT_EQ(p->d_k.row_stride, 10);
  EXPECT_EQ(p->d_q.row_stride, 4 * 16);
  EXPECT_EQ(p->d_v.row_stride, 2 * 16);
  gradient.d_pse = memory;
  EXPECT_FALSE(of());
  EXPECT_EQ(complaint.message, "glint-tune gives providers no gradient of a bias or a sink");
}

TEST(ProviderProblem, SaysWhatTheInterfaceLacks) {
  const auto expect_beyond = [](const Workload& w, const char* what) {
    const Inputs<float> in(w);
    Complaint complaint;
    EXPECT_FALSE(provider_problem(problem_of<glint::ScoreProblem<float>>(in), w.layout, w.mode, 1, complaint));
    EXPECT_EQ(complaint.code, "unsupported");
    EXPECT_EQ(complaint.message, std::string("glint-tune gives providers no ") + what);
  };
  expect_beyond({.shape = kShape, .bias = BiasTensor::shared}, "bias");
  expect_beyond({.shape = kShape, .keep_prob = 0.5}, "dropout");
  expect_beyond({.shape = kShape, .mode = glint::SparseMode::prefix_compressed, .prefix = 20},
                "prefix that all rows see");
  expect_beyond({.shape = kShape, .lengths = {17, 17}, .layout = Layout::TND}, "batches of several lengths (TND)");

  const CachedWorkload cached{
      .shape = {.batch = 2, .heads = 2, .q_len = 1, .kv_len = 24, .head_dim = 16}, .rows_after = 4, .in_cache = true};
  const auto expect_beyond_cache = [&]<class Kv>(Kv, const char* what) {
    const CachedInputs<float, Kv> in(cached);
    const auto erased = glint::detail::erase(in.template problem<glint::IncreProblem<float, Kv>>(0), cached.layout);
    Complaint complaint;
    EXPECT_FALSE(provider_problem(erased, GLINT_DECODE, 1, complaint));
    EXPECT_EQ(complaint.message, std::string("glint-tune gives providers no ") + what);
  };
  expect_beyond_cache(glint::kv::Contiguous<std::int8_t>{}, "integers");
  expect_beyond_cache(glint::kv::LeftPadded<float>{}, "left padding");
}

}  // namespace
}  // namespace bench::tune
