// A long prompt in chunks, as engines read it between the decode steps of other requests.  Each chunk's keys and values
// are appended to a paged cache, and its queries then see all that the cache holds, causally.  Sparse mode 3 lines the
// last query up with the last key, so no call has to say where its chunk begins.  Every row comes out with the bits
// that it has when the prompt is read at once from plain tensors.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kTokens = 200, kHeads = 8, kKvHeads = 2, kDim = 32, kPageSize = 16, kPages = 13;
constexpr int kQueryRow = kHeads * kDim, kRow = kKvHeads * kDim;
constexpr float kScale = 0.18F;

std::vector<float> numbers(int count, float step) {
  std::vector<float> list(count);
  for (int i = 0; i < count; ++i) list[i] = std::sin(step * static_cast<float>(i));
  return list;
}
// Stands for the model.
const std::vector<float> q = numbers(kTokens * kQueryRow, 1.3F), k = numbers(kTokens * kRow, 0.7F),
                         v = numbers(kTokens * kRow, 1.9F);

Shape shape(index_t rows, index_t keys) {
  return {.batch = 1, .heads = kHeads, .kv_heads = kKvHeads, .q_len = rows, .kv_len = keys, .head_dim = kDim};
}

Status read_at_once(std::vector<float>& out) {
  const PromptFlashAttention<layout::BSND, float, SparseMode::right_down_causal> attend;
  return attend({.q = q.data(),
                 .kv = {.k = k.data(), .v = v.data()},
                 .out = out.data(),
                 .shape = shape(kTokens, kTokens),
                 .scale = kScale});
}

Status read_in_chunks(index_t chunk, std::vector<float>& out) {
  using Kv = kv::Paged<float>;
  const std::vector<std::int32_t> pages{5, 0, 12, 3, 8, 6, 1, 10, 4, 11, 2, 9, 7};  // in the order they were free
  std::vector<float> k_pool(kPages * kPageSize * kRow), v_pool(k_pool);
  const PromptFlashAttention<layout::BSND, float, SparseMode::right_down_causal, Kv> attend;
  for (index_t read = 0; read < kTokens; read += chunk) {
    const index_t rows = std::min(chunk, kTokens - read), keys = read + rows;
    Status status = kv_append<layout::BSND, float, Kv>({.k = k.data() + read * kRow,
                                                        .v = v.data() + read * kRow,
                                                        .kv = {.k = k_pool.data(),
                                                               .v = v_pool.data(),
                                                               .block_table = pages.data(),
                                                               .max_blocks = kPages,
                                                               .block_size = kPageSize,
                                                               .blocks = kPages},
                                                        .shape = shape(rows, 0),
                                                        .lengths = {&read, 1}});
    if (status)
      status = attend({.q = q.data() + read * kQueryRow,
                       .kv = {.k = k_pool.data(),
                              .v = v_pool.data(),
                              .block_table = pages.data(),
                              .max_blocks = kPages,
                              .block_size = kPageSize,
                              .blocks = kPages},
                       .out = out.data() + read * kQueryRow,
                       .shape = shape(rows, 0),
                       .scale = kScale,
                       .kv_lens = {&keys, 1}});
    if (!status) return status;
  }
  return Status::ok();
}

int main() {
  std::vector<float> want(q.size()), out(q.size());
  Status status = read_at_once(want);
  for (const index_t chunk : {200, 64, 48, 7, 1}) {
    if (status) status = read_in_chunks(chunk, out);
    if (!status) return std::puts(status.rule), 1;
    const bool same = std::memcmp(out.data(), want.data(), out.size() * sizeof out[0]) == 0;
    const int calls = static_cast<int>((kTokens + chunk - 1) / chunk);
    std::printf("chunks of %3d tokens: %3d calls, %s bits as at once\n", static_cast<int>(chunk), calls,
                same ? "the same" : "OTHER");
  }
}
