// With a tuning table recipe::Default is what the table says, and what the table says alone.
// glint-test: isa-matrix
#define GLINT_TUNING_FILE "support/tuning_table.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "glint/dispatch/fused_infer_attention_score.hpp"
#include "glint/glint.hpp"
#include "support/random.hpp"

namespace glint_test {
namespace {

using glint::DType, glint::index_t, glint::Isa;
namespace recipe = glint::recipe;
namespace tuned = glint::tuned;

template <class Chosen>
struct WithTile : recipe::BuiltIn {
  template <class Element>
  using tile = Chosen;
  template <class Element>
  using gradient_tile = Chosen;
};
template <class Recipe>
using Forward = glint::FlashAttentionScore<glint::layout::BNSD, float, glint::SparseMode::right_down_causal, Recipe>;
template <class Recipe>
using Gradient =
    glint::FlashAttentionScoreGrad<glint::layout::BNSD, float, glint::SparseMode::right_down_causal, Recipe>;

bool table_has_rows() { return glint::simd::selected != Isa::plain; }

struct Operands {
  glint::Shape shape;
  std::vector<float> q, k, v;

  explicit Operands(index_t head_dim)
      : shape{.batch = 1, .heads = 2, .q_len = 150, .kv_len = 300, .head_dim = head_dim},
        q(numbers(shape.q_len, 1)),
        k(numbers(shape.kv_len, 2)),
        v(numbers(shape.kv_len, 3)) {}

  glint::ScoreProblem<float> problem() const {
    return {.q = q.data(), .k = k.data(), .v = v.data(), .shape = shape, .scale = 0.2F};
  }
  template <class Recipe>
  std::vector<std::uint32_t> bits() const {
    std::vector<float> out(q.size());
    glint::ScoreProblem<float> p = problem();
    p.out = out.data();
    EXPECT_TRUE(static_cast<bool>(Forward<Recipe>{}(p)));
    std::vector<std::uint32_t> list;
    for (const float number : out) list.push_back(std::bit_cast<std::uint32_t>(number));
    return list;
  }

 private:
  std::vector<float> numbers(index_t rows, std::uint64_t seed) const {
    std::vector<float> list(static_cast<std::size_t>(shape.heads * rows * shape.head_dim));
    Random random(seed);
    for (float& number : list) number = static_cast<float>(random.normal());
    return list;
  }
};

TEST(Tuning, ARowDecidesUpToItsHeadDim) {
  using Small = WithTile<glint::Tile<32, 96>>;
  using Large = WithTile<glint::Tile<64, 40>>;
  for (const index_t dim : {40, 64, 65, 128, 129}) {
    const Operands in(dim);
    const auto got = in.bits<recipe::Default>(), built_in = in.bits<recipe::BuiltIn>();
    const bool small = table_has_rows() && dim <= 64, large = table_has_rows() && dim > 64 && dim <= 128;
    EXPECT_EQ(got == in.bits<Small>(), small) << dim;
    EXPECT_EQ(got == in.bits<Large>(), large) << dim;
    EXPECT_EQ(got == built_in, !small && !large) << dim;
  }
}

TEST(Tuning, DescribeTellsTheRow) {
  const glint::RecipeDescription small = glint::describe<recipe::Default>(64),
                                 none = glint::describe<recipe::Default>(129);
  EXPECT_EQ(small.rows, table_has_rows() ? 32 : glint::tile::Prefill::rows);
  EXPECT_EQ(small.columns, table_has_rows() ? 96 : glint::tile::Prefill::columns);
  EXPECT_EQ(small.block_rows, table_has_rows() ? 3 : 0);
  EXPECT_EQ(small.block_vecs, table_has_rows() ? 2 : 0);
  EXPECT_FALSE(small.custom_tile);
  EXPECT_EQ(none.columns, glint::tile::Prefill::columns);
}

// Workspaces are those of the tile that will run.
TEST(Tuning, WorkspacesFollow) {
  for (const index_t dim : {64, 65}) {
    const Operands in(dim);
    const glint::ScoreProblem<float> p = in.problem();
    const index_t got = Forward<recipe::Default>::workspace_bytes(p, 3);
    EXPECT_EQ(got == Forward<recipe::BuiltIn>::workspace_bytes(p, 3), !table_has_rows()) << dim;
    const glint::ScoreGradProblem<float> g{.forward = p};
    const index_t gradient = Gradient<recipe::Default>::workspace_bytes(g, 3);
    const bool tuned = table_has_rows() && dim == 64;
    EXPECT_EQ(gradient == Gradient<recipe::BuiltIn>::workspace_bytes(g, 3), !tuned) << dim;
    EXPECT_EQ((gradient == Gradient<WithTile<glint::Tile<64, 96>>>::workspace_bytes(g, 3)), tuned) << dim;
  }
}

TEST(Tuning, DecodeTakesItsPartsByCacheAndHeadDim) {
  const auto split = [](DType cache, index_t dim) {
    return recipe::split_of(recipe::Default::decode_split, cache, dim);
  };
  const index_t usual = recipe::BuiltIn::decode_split;
  EXPECT_EQ(split(DType::f16, 64), table_has_rows() ? 256 : usual);
  EXPECT_EQ(split(DType::f16, 128), table_has_rows() ? 512 : usual);
  EXPECT_EQ(split(DType::f16, 129), usual);
  EXPECT_EQ(split(DType::f32, 64), usual);
  EXPECT_EQ(recipe::split_of(index_t{2048}, DType::f16, 64), 2048) << "a recipe's own number";
}

struct Own : recipe::Default {
  template <class Element>
  using tile = glint::Tile<16, 8>;
  static constexpr index_t decode_split = 4096;
};
TEST(Tuning, AnOwnRecipeIsNotTuned) {
  EXPECT_EQ(glint::describe<Own>(64).columns, 8);
  EXPECT_TRUE(glint::describe<Own>(64).custom_tile);
  EXPECT_EQ(recipe::split_of(Own::decode_split, DType::f16, 64), 4096);
}

TEST(Tuning, TheFusedDoorTakesDecodesKernelForMoreRows) {
  const auto as_decode = [](DType cache, index_t dim, index_t rows) {
    glint::detail::InferenceProblem p;
    p.q_type = p.cache_type = cache;
    p.shape = {.batch = 1, .heads = 1, .q_len = rows, .kv_len = 100, .head_dim = dim};
    p.mode = glint::SparseMode::right_down_causal;
    return glint::dispatch::runs_as_decode(p);
  };
  EXPECT_EQ(as_decode(DType::f16, 128, 20), table_has_rows());
  EXPECT_FALSE(as_decode(DType::f16, 128, 21));
  for (const DType cache : {DType::f16, DType::f32}) {  // a row that leaves it open, and none
    EXPECT_TRUE(as_decode(cache, 64, glint::dispatch::kDraftRows));
    EXPECT_FALSE(as_decode(cache, 64, glint::dispatch::kDraftRows + 1));
  }
}

TEST(Tuning, SaysThatItIsInUse) {
  const tuned::Use use = tuned::in_use();
  EXPECT_EQ(use.used, table_has_rows());
  EXPECT_STREQ(use.table, "any");
  EXPECT_STREQ(use.note, table_has_rows() ? "the tuning table is in use"
                                          : "the tuning table is for another instruction set and ignored");
}

TEST(Tuning, RowsOutOfOrderAreSeen) {
  constexpr tuned::Row kFirst{.regime = tuned::Regime::prefill, .isa = Isa::avx2, .dtype = DType::f32, .head_dim = 64};
  const auto with = [&](auto change) {
    std::array<tuned::Row, 2> rows{kFirst, kFirst};
    rows[1].head_dim = 128;
    change(rows[1]);
    return tuned::in_order(rows);
  };
  EXPECT_TRUE(with([](tuned::Row&) {}));
  EXPECT_TRUE(with([](tuned::Row& row) { row.head_dim = 32, row.dtype = DType::f16; }));
  EXPECT_TRUE(with([](tuned::Row& row) { row.head_dim = 32, row.isa = Isa::avx512; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.head_dim = 64; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.head_dim = 32; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.dtype = DType::f16, row.head_dim = 0; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.regime = tuned::Regime::decode; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.decode_split = 256; }));
  EXPECT_FALSE(with([](tuned::Row& row) { row.draft_rows = 16; }));
  EXPECT_TRUE(with([](tuned::Row& row) { row.regime = tuned::Regime::decode, row.draft_rows = 16; }));
}

TEST(Tuning, MachinesAreComparedByVendorFamilyAndModel) {
  EXPECT_TRUE(tuned::is_this({.name = "anything"}));
  EXPECT_FALSE(tuned::is_this({.name = "x", .vendor = "AuthenticAMX", .family = 25, .model = 17}));
  EXPECT_FALSE(tuned::is_this({.name = "x", .vendor = "AuthenticAMD", .family = 1, .model = 17}));
}

}  // namespace
}  // namespace glint_test
