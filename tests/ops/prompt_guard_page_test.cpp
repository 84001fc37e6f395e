// PromptFlashAttention reads and writes nothing outside its buffers (F8): random cases between fences.
#include "support/differential.hpp"
#include "support/inference_fences.hpp"
#include "support/prompt_doors.hpp"
#include "support/prompt_generator.hpp"

namespace glint_test {
namespace {

template <class Query, class Stored>
void attend_between_fences(const InferenceCase& c, Fences& fences) {
  const InferenceData data = inference_data_of(c);
  const InferenceOutcome want = PromptDoors::typed<Query, Stored>(c, data, TestExecutor{});
  ASSERT_TRUE(static_cast<bool>(want.status)) << want.status.rule << ": " << print(c);
  expect_no_fault(c, want, fences, [&](Fences& at) {
    InferenceOutcome got;
    detail::with_cache<Stored>(c, [&]<class Kv>(Kv*) {
      got = fenced<glint::PromptProblem<Query, Kv>>(c, data, at, [&](const auto&, const auto& attend) {
        with_mode<0, 4>(c.mode, [&](auto mode) {
          constexpr glint::SparseMode sparse = decltype(mode)::value;
          if (c.ragged())
            attend(glint::PromptFlashAttention<glint::layout::TND, Query, sparse, Kv>{});
          else
            attend(glint::PromptFlashAttention<glint::layout::BNSD, Query, sparse, Kv>{});
        });
      });
    });
    return got;
  });
}

// Every dim with some lengths and every length with some dim, in every form of the cache; TND in two of them.
template <class Query, class Stored>
void sweep() {
  constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
  Fences fences;
  std::uint64_t number = 0;
  for (const index_t form : {index_t{kContiguous}, index_t{kLeftPadded}, index_t{kPaged}, index_t{kList}}) {
    const auto attend = [&](index_t dim, index_t value_dim, index_t rows, index_t keys) {
      for (;;) {  // until the tokens are legal
        InferenceCase c = generate_prompt(20260303, number++, query, cache);
        if (c.batch == 0 || (c.ragged() && form != kContiguous && form != kPaged)) continue;
        make_small(c, form);
        c.group = std::min<index_t>(c.group, 3), c.turned = 0;
        if (!c.ragged()) c.layout = kBnsd;
        c.dim = dim, c.value_dim = value_dim, c.q_len = rows, c.kv_len = keys;
        if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
        if (c.rope > 0) c.rope = 1 + keys % 33;
        if (c.padding > keys) c.padding = keys;
        if (!legal(c)) continue;
        return attend_between_fences<Query, Stored>(c, fences);
      }
    };
    for (index_t dim = 1; dim <= 33; ++dim) attend(dim, dim, 1 + dim * 5 % 19, 1 + dim * 7 % 65);
    for (const index_t dim : {64, 72, 80, 96, 100, 128})
      for (const index_t keys : {1, 15, 16, 17, 63, 64, 65, 130}) attend(dim, dim, 1 + keys % 7, keys);
    for (index_t keys = 1; keys <= 65; ++keys) attend(1 + keys * 5 % 33, 1 + keys * 11 % 33, 1 + keys * 3 % 21, keys);
    for (const index_t rows : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129})
      for (const index_t keys : {1, 64, 127, 129, 191, 193, 256, 385}) attend(1 + keys % 33, 1 + keys % 17, rows, keys);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(PromptGuardPages, F32) { sweep<float, float>(); }
TEST(PromptGuardPages, F32QueryF16Cache) { sweep<float, glint::half>(); }
TEST(PromptGuardPages, F32QueryBf16Cache) { sweep<float, glint::bfloat16>(); }
TEST(PromptGuardPages, F16) { sweep<glint::half, glint::half>(); }
TEST(PromptGuardPages, Bf16) { sweep<glint::bfloat16, glint::bfloat16>(); }
TEST(PromptGuardPages, Int8) { sweep<float, std::int8_t>(); }
TEST(PromptGuardPages, Bf16QueryInt8Cache) { sweep<glint::bfloat16, std::int8_t>(); }
TEST(PromptGuardPages, Int4) { sweep<glint::half, glint::int4x2>(); }
TEST(PromptGuardPages, Int8Query) { sweep<std::int8_t, std::int8_t>(); }

}  // namespace
}  // namespace glint_test
