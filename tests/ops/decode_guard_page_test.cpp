// IncreFlashAttention reads and writes nothing outside its buffers (F8): random cases between fences.
#include "support/decode_doors.hpp"
#include "support/decode_generator.hpp"
#include "support/differential.hpp"
#include "support/inference_fences.hpp"

namespace glint_test {
namespace {

template <class Query, class Stored>
void attend_between_fences(InferenceCase c, Fences& fences) {
  c.layout = kBnsd;
  if (!legal(c)) c.draft = kDraftNone;  // a tree with more rows than keys
  ASSERT_TRUE(legal(c)) << print(c);
  const InferenceData data = inference_data_of(c);
  const InferenceOutcome want = DecodeDoors::typed<Query, Stored>(c, data, TestExecutor{});
  expect_no_fault(c, want, fences, [&](Fences& at) {
    InferenceOutcome got;
    detail::with_cache<Stored>(c, [&]<class Kv>(Kv*) {
      got = fenced<glint::IncreProblem<Query, Kv>>(c, data, at, [](const auto&, const auto& attend) {
        attend(glint::IncreFlashAttention<glint::layout::BNSD, Query, Kv>{});
      });
    });
    return got;
  });
}

// Every dim with some length and every length with some dim, in every form of the cache.
template <class Query, class Stored>
void sweep() {
  constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
  Fences fences;
  std::uint64_t number = 0;
  for (const index_t form : {index_t{kContiguous}, index_t{kLeftPadded}, index_t{kPaged}, index_t{kList}}) {
    const auto attend = [&](index_t dim, index_t value_dim, index_t keys) {
      InferenceCase c = generate_decode(20260303, number++, query, cache);
      make_small(c, form);
      c.q_len = std::min<index_t>(c.q_len, 4);
      c.dim = dim, c.value_dim = value_dim, c.kv_len = keys;
      if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
      if (c.rope > 0) c.rope = 1 + keys % 33;
      attend_between_fences<Query, Stored>(c, fences);
    };
    for (index_t dim = 1; dim <= 33; ++dim) attend(dim, dim, 1 + dim * 7 % 65);
    for (const index_t dim : {64, 72, 80, 96, 100, 128})
      for (const index_t keys : {1, 15, 16, 17, 63, 64, 65, 130}) attend(dim, dim, keys);
    for (index_t keys = 1; keys <= 65; ++keys) attend(1 + keys * 5 % 33, 1 + keys * 11 % 33, keys);
    for (const index_t keys : {127, 128, 129, 191, 255, 256, 257, 320, 513}) attend(1 + keys % 33, 1 + keys % 17, keys);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(DecodeGuardPages, F32) { sweep<float, float>(); }
TEST(DecodeGuardPages, F32QueryF16Cache) { sweep<float, glint::half>(); }
TEST(DecodeGuardPages, F32QueryBf16Cache) { sweep<float, glint::bfloat16>(); }
TEST(DecodeGuardPages, F16) { sweep<glint::half, glint::half>(); }
TEST(DecodeGuardPages, Bf16) { sweep<glint::bfloat16, glint::bfloat16>(); }
TEST(DecodeGuardPages, Int8) { sweep<float, std::int8_t>(); }
TEST(DecodeGuardPages, Bf16QueryInt8Cache) { sweep<glint::bfloat16, std::int8_t>(); }
TEST(DecodeGuardPages, Int4) { sweep<glint::half, glint::int4x2>(); }

}  // namespace
}  // namespace glint_test
