// A custom tiling is one alias.  The answer does not depend on it, only the speed: try tiles on your own shapes.
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

// For a small L2 cache: half as many queries at once, three quarters of the keys.
struct SmallL2 : recipe::Default {
  template <class T>
  using tile = Tile<32, 96>;
};
// Another micro-kernel: 8 keys by 2 vectors of queries stay in registers.  On AVX-512 alone; elsewhere what is built
// in.
struct Eight : recipe::Default {
  template <class T>
  using tile = tile::On<Isa::avx512, Tile<64, 128, 4, RegisterBlock<8, 2>>, recipe::BuiltIn::tile<T>>;
};

// `./bench/glint-tune` measures hundreds of them and writes the best into a table: see bench/tune/README.md.

// A misspelt alias would compile and change nothing; describe() tells what a recipe really chose.
template <class Recipe>
void print(const char* name) {
  const RecipeDescription chosen = describe<Recipe>();
  std::printf("%-8s %d queries x %d keys%s\n", name, static_cast<int>(chosen.rows), static_cast<int>(chosen.columns),
              chosen.custom_tile ? ", custom" : "");
}

int main() {
  const Shape shape{.batch = 1, .heads = 2, .q_len = 200, .kv_len = 300, .head_dim = 40};
  const auto numbers = [&](index_t rows) {
    std::vector<float> list(static_cast<std::size_t>(shape.heads * rows * shape.head_dim));
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = std::sin(0.9F * static_cast<float>(i));
    return list;
  };
  const auto q = numbers(shape.q_len), k = numbers(shape.kv_len), v = k;
  auto usual = q, tiled = q;

  const FlashAttentionScore<layout::BNSD, float, SparseMode::right_down_causal> attend;
  const FlashAttentionScore<layout::BNSD, float, SparseMode::right_down_causal, SmallL2> attend_small;
  ScoreProblem<float> problem{.q = q.data(), .k = k.data(), .v = v.data(), .shape = shape, .scale = 0.158F};
  problem.out = usual.data();
  Status status = attend(problem);
  problem.out = tiled.data();
  if (status) status = attend_small(problem);
  if (!status) {
    std::puts(status.rule);
    return 1;
  }

  const FlashAttentionScore<layout::BNSD, float, SparseMode::right_down_causal, Eight> attend_eight;
  auto eight = q;
  problem.out = eight.data();
  if (status = attend_eight(problem); !status) return 1;

  float largest = 0;
  for (std::size_t i = 0; i < q.size(); ++i) largest = std::fmax(largest, std::abs(usual[i] - tiled[i]));
  print<recipe::Default>("Default");
  print<SmallL2>("SmallL2");
  std::printf("the results %s\n", largest < 1e-5F ? "agree" : "DIFFER");
  std::printf("another register block: %s\n", eight == usual ? "the same bits" : "OTHER BITS");
}
