// Decode as an inference engine does it.  Keys and values are int8, in pages that the requests of a batch take from a
// common pool one by one and give back when they end.  kv_append writes a step's rows into the pages, and one call
// reads them where they are, in memory that the engine reserved once.  A float cache beside it shows what int8 costs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kRequests = 2, kHeads = 8, kKvHeads = 2, kDim = 64, kQueries = kRequests * kHeads * kDim;
constexpr int kRow = kKvHeads * kDim, kRows = kRequests * kRow;  // keys or values of a token, and of a step
constexpr int kPageSize = 16, kPages = 7, kMostPages = 5, kRoom = kMostPages * kPageSize;
constexpr Shape kShape{
    .batch = kRequests, .heads = kHeads, .kv_heads = kKvHeads, .q_len = 1, .kv_len = kRoom, .head_dim = kDim};

// Stands for the model.  Some channels of the keys are much larger than the others, hence a factor for each channel.
float largest_key(int channel) { return channel % 8 == 3 ? 6.0F : 0.75F; }
float query(int step, int i) { return std::sin(1.3F * static_cast<float>(i + 7 * step)); }
float key(int step, int i) {
  return largest_key(i % kRow) * std::sin(0.7F * static_cast<float>(i * (step % 13 + 1) + step));
}
float value(int step, int i) { return std::cos(1.9F * static_cast<float>(i + 11 * step)); }

// Which pages each request has.
struct Pages {
  std::vector<std::int32_t> table = std::vector<std::int32_t>(kRequests * kMostPages, -1), free{5, 0, 3, 6, 1, 4, 2};

  void make_room(int request, index_t token) {
    if (token % kPageSize != 0) return;
    table[request * kMostPages + token / kPageSize] = free.back();
    free.pop_back();
  }
  void release(int request) {
    const auto first = table.begin() + request * kMostPages, last = std::find(first, first + kMostPages, -1);
    free.insert(free.end(), first, last);
    std::fill(first, last, -1);
  }
};

int main() {
  using Kv = kv::Paged<std::int8_t>;
  Pages pages;
  std::vector<index_t> lengths(kRequests, kRoom);
  std::vector<float> k(kRows), v(kRows), k_factors(kRow), v_factors(kRow, 1.0F / 127);
  for (int i = 0; i < kRow; ++i) k_factors[i] = largest_key(i) / 127;
  std::vector<std::int8_t> k_pool(kPages * kPageSize * kRow), v_pool(k_pool);
  std::vector<bfloat16> q(kQueries), out(kQueries);

  const KvAppendProblem<float, Kv> append{.k = k.data(),
                                          .v = v.data(),
                                          .kv = {.k = k_pool.data(),
                                                 .v = v_pool.data(),
                                                 .block_table = pages.table.data(),
                                                 .max_blocks = kMostPages,
                                                 .block_size = kPageSize,
                                                 .blocks = kPages},
                                          .shape = kShape,
                                          .lengths = lengths,
                                          .k_factors = {.scale = k_factors.data()},
                                          .v_factors = {.scale = v_factors.data()}};
  const IncreProblem<bfloat16, Kv> step{.q = q.data(),
                                        .kv = {.k = k_pool.data(),
                                               .v = v_pool.data(),
                                               .block_table = pages.table.data(),
                                               .max_blocks = kMostPages,
                                               .block_size = kPageSize,
                                               .blocks = kPages},
                                        .out = out.data(),
                                        .shape = kShape,
                                        .scale = 0.125F,
                                        .kv_lens = lengths,
                                        .k_antiquant = append.k_factors.antiquant(),
                                        .v_antiquant = append.v_factors.antiquant()};
  const IncreFlashAttention<layout::BSH, bfloat16, Kv> attend;
  std::vector<std::byte> workspace(attend.workspace_bytes(step));  // lengths still say the most there can be

  std::vector<float> float_k(kRequests * kRoom * kRow), float_v(float_k), float_q(kQueries), float_out(kQueries);
  const KvAppendProblem<float> float_append{.k = k.data(),
                                            .v = v.data(),
                                            .kv = {.k = float_k.data(), .v = float_v.data()},
                                            .shape = kShape,
                                            .lengths = lengths};
  const IncreFlashAttention<layout::BSH, float> attend_float;
  const IncreProblem<float> float_step{.q = float_q.data(),
                                       .kv = {.k = float_k.data(), .v = float_v.data()},
                                       .out = float_out.data(),
                                       .shape = kShape,
                                       .scale = 0.125F,
                                       .kv_lens = lengths};

  std::puts("step   tokens   pages  KiB read  in float  largest error");
  std::fill(lengths.begin(), lengths.end(), 0);
  for (int now = 1; now <= 60; ++now) {
    if (now == 35) pages.release(1), lengths[1] = 0;  // a new request takes its place
    for (int request = 0; request < kRequests; ++request) pages.make_room(request, lengths[request]);
    for (int i = 0; i < kRows; ++i) k[i] = key(now, i), v[i] = value(now, i);
    for (int i = 0; i < kQueries; ++i) float_q[i] = to_float(q[i] = from_float<bfloat16>(query(now, i)));

    Status status = kv_append<layout::BSH>(append);
    if (status) status = kv_append<layout::BSH>(float_append);
    for (index_t& length : lengths) ++length;
    if (status) status = attend(step, Serial{}, workspace);
    if (status) status = attend_float(float_step);
    if (!status) return std::puts(status.rule), 1;
    if (now % 10 != 0) continue;

    float error = 0, largest = 0;
    for (int i = 0; i < kQueries; ++i) {
      error = std::max(error, std::abs(to_float(out[i]) - float_out[i]));
      largest = std::max(largest, std::abs(float_out[i]));
    }
    const int first = static_cast<int>(lengths[0]), second = static_cast<int>(lengths[1]);
    const int used = kPages - static_cast<int>(pages.free.size()), kib = (first + second) * 2 * kRow / 1024;
    std::printf("%4d  %2d + %2d  %d of %d  %8d  %8d  %s\n", now, first, second, used, kPages, kib, 4 * kib,
                error < 0.02F * largest ? "below 2 % of the largest output" : "TOO LARGE");
  }
}
