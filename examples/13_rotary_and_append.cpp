// Around attention: turn the new token's q and k by its position, append k and v to an int8 cache in pages, decode
// later.  Two sequences of different length; every token and head gets a factor of its own.
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

int main() {
  using namespace glint;
  const index_t batch = 2, heads = 4, kv_heads = 2, dim = 8, block_size = 4, blocks = 6;
  const auto numbers = [](index_t count, float step) {
    std::vector<float> list(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = std::sin(step * static_cast<float>(i));
    return list;
  };
  std::vector<float> q = numbers(batch * heads * dim, 1.3F), k = numbers(batch * kv_heads * dim, 0.7F);
  const std::vector<float> v = numbers(batch * kv_heads * dim, 1.9F), before = k;

  // The sequences have 5 and 2 tokens so far, so the new ones have positions 5 and 2.
  const std::vector<index_t> lengths{5, 2};
  Status status = rotary<layout::BSND, float>(
      {.out = q.data(), .dims = {batch, heads, 1, dim}, .first_positions = lengths, .style = RotaryStyle::half_split});
  if (status)
    status =
        rotary<layout::BSND, float>({.out = k.data(), .dims = {batch, kv_heads, 1, dim}, .first_positions = lengths});
  std::printf("(%+.3f, %+.3f) at position 5 becomes (%+.3f, %+.3f)\n", before[0], before[4], k[0], k[4]);

  const std::vector<std::int32_t> table{3, 0, 5, 1};  // sequence 0 lies in blocks 3 and 0
  std::vector<std::int8_t> k_pool(static_cast<std::size_t>(blocks * block_size * kv_heads * dim)), v_pool(k_pool);
  std::vector<float> k_scales(static_cast<std::size_t>(blocks * kv_heads * block_size)), v_scales(k_scales);
  const AntiquantMode mode = AntiquantMode::per_token_head_paged;
  if (status) {
    status = kv_append<layout::BSND, float, kv::Paged<std::int8_t>>(
        {.k = k.data(),
         .v = v.data(),
         .kv = {.k = k_pool.data(),
                .v = v_pool.data(),
                .block_table = table.data(),
                .max_blocks = 2,
                .block_size = block_size,
                .blocks = blocks},
         .shape = {.batch = batch, .heads = heads, .kv_heads = kv_heads, .q_len = 1, .head_dim = dim},
         .lengths = lengths,
         .k_factors = {.mode = mode, .chosen = k_scales.data()},
         .v_factors = {.mode = mode, .chosen = v_scales.data()}});
  }
  // Token 5 of sequence 0: slot 5 % 4 of block table[5 / 4] = 0, head 0.
  const std::size_t slot = 1, row = slot * kv_heads * dim;
  for (std::size_t d = 0; d < 4; ++d) {
    const float read = static_cast<float>(k_pool[row + d]) * k_scales[slot];
    std::printf("k[%d] %+.3f is stored as %4d, which reads %+.3f\n", static_cast<int>(d), k[d], k_pool[row + d], read);
  }
  if (!status) std::puts(status.rule);
  return status ? 0 : 1;
}
