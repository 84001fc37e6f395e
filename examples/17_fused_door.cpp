// A conversation through one door.  fused_infer_attention_score takes whatever comes next: a prompt, a single token,
// drafted tokens, the user's next turn.  The call stays the same; only query, output and the number of keys change.
// With sparse mode 3 the last query row sees all keys, the one before it all but one, so all turns mean one causal
// triangle. Few rows go to decode's kernel and many to prefill's, which round differently; the contract is the same.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kHeads = 8, kKvHeads = 2, kDim = 32, kQueryRow = kHeads * kDim, kRow = kKvHeads * kDim;
constexpr int kPageSize = 16, kPages = 9;

// Stands for the model.
std::vector<float> numbers(index_t count, float step) {
  std::vector<float> list(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = std::sin(step * static_cast<float>(i));
  return list;
}

struct Turn {
  const char* what;
  index_t rows;
};
constexpr Turn kTurns[] = {{"a prompt", 70},           {"one token", 1},      {"one token", 1},
                           {"four drafted tokens", 4}, {"the next turn", 50}, {"one token", 1}};

TensorRef rows_of(const std::vector<float>& list, index_t first, index_t rows, index_t width) {
  return {list.data() + first * width, DType::f32, {1, rows, width}};
}

int main() {
  index_t tokens = 0;
  for (const Turn& turn : kTurns) tokens += turn.rows;
  const std::vector<float> q = numbers(tokens * kQueryRow, 1.3F), k = numbers(tokens * kRow, 0.7F),
                           v = numbers(tokens * kRow, 1.9F);
  std::vector<float> want(q.size()), out(q.size());
  const std::vector<std::int32_t> pages{5, 0, 3, 8, 6, 1, 4, 2, 7};
  std::vector<float> k_pool(kPages * kPageSize * kRow), v_pool(k_pool);

  FusedInferAttentionScoreCall call{.atten_mask_compressed = true,  // stands for the documents' 2048 x 2048 triangle
                                    .num_heads = kHeads,
                                    .scale = 0.18,
                                    .input_layout = "BSH",
                                    .num_key_value_heads = kKvHeads,
                                    .sparse_mode = 3};
  // All at once, from plain tensors.
  call.query = rows_of(q, 0, tokens, kQueryRow);
  call.key = rows_of(k, 0, tokens, kRow);
  call.value = rows_of(v, 0, tokens, kRow);
  call.attention_out = {want.data(), DType::f32, call.query.shape};
  Status status = fused_infer_attention_score(call);

  // Turn by turn, from pages.
  index_t keys = 0;
  call.key = {k_pool.data(), DType::f32, {kPages, kPageSize, kRow}};
  call.value = {v_pool.data(), DType::f32, {kPages, kPageSize, kRow}};
  call.block_table = {pages.data(), DType::i32, {1, kPages}};
  call.block_size = kPageSize;
  call.actual_seq_lengths_kv = {&keys, 1};
  for (const Turn& turn : kTurns) {
    const index_t first = keys;
    if (status)
      status = kv_append<layout::BSH, float, kv::Paged<float>>(
          {.k = k.data() + first * kRow,
           .v = v.data() + first * kRow,
           .kv = {.k = k_pool.data(),
                  .v = v_pool.data(),
                  .block_table = pages.data(),
                  .max_blocks = kPages,
                  .block_size = kPageSize,
                  .blocks = kPages},
           .shape = {.batch = 1, .heads = kHeads, .kv_heads = kKvHeads, .q_len = turn.rows, .head_dim = kDim},
           .lengths = {&first, 1}});
    keys += turn.rows;
    call.query = rows_of(q, first, turn.rows, kQueryRow);
    call.attention_out = {out.data() + first * kQueryRow, DType::f32, call.query.shape};
    if (status) status = fused_infer_attention_score(call);
    if (!status) return std::puts(status.rule), 1;

    float error = 0;
    for (index_t i = first * kQueryRow; i < keys * kQueryRow; ++i)
      error = std::max(error, std::abs(out[static_cast<std::size_t>(i)] - want[static_cast<std::size_t>(i)]));
    std::printf("%-20s %2d rows against %3d keys: %s\n", turn.what, static_cast<int>(turn.rows), static_cast<int>(keys),
                error < 1e-5F ? "as at once" : "NOT as at once");
  }
}
