// Decode as an inference engine does it.  Keys and values are int8, in pages that the requests of a batch take from a
// common pool one by one and give back when they end; a step is one call, which reads the pages where they are and
// works in memory that the engine reserved once.  A float cache beside it shows what int8 costs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kRequests = 2, kHeads = 8, kKvHeads = 2, kDim = 64, kQueries = kRequests * kHeads * kDim;
constexpr int kRow = kKvHeads * kDim;  // keys or values of a token
constexpr int kPageSize = 16, kPages = 7, kMostPages = 5, kRoom = kMostPages * kPageSize;

// Stands for the model.  Some channels of the keys are much larger than the others, hence a factor for each channel.
float query(int step, int i) { return std::sin(1.3F * static_cast<float>(i + 7 * step)); }
float largest_key(int channel) { return channel % 8 == 3 ? 6.0F : 0.75F; }
float key(int step, int request, int i) {
  return largest_key(i % kRow) * std::sin(0.7F * static_cast<float>(i * (step % 13 + 1) + request + step));
}
float value(int step, int request, int i) { return std::cos(1.9F * static_cast<float>(i + 11 * step + request)); }

struct Int8Cache {
  std::vector<std::int8_t> k = std::vector<std::int8_t>(kPages * kPageSize * kRow), v = k;
  std::vector<std::int32_t> table = std::vector<std::int32_t>(kRequests * kMostPages, -1), free{5, 0, 3, 6, 1, 4, 2};
  std::vector<index_t> lengths = std::vector<index_t>(kRequests);
  std::vector<float> k_factors, v_factors = std::vector<float>(kRow, 1.0F / 127);

  Int8Cache() {
    for (int i = 0; i < kRow; ++i) k_factors.push_back(largest_key(i) / 127);
  }
  void append(int request, const float* k_row, const float* v_row) {
    const index_t token = lengths[request]++;
    std::int32_t& page = table[request * kMostPages + token / kPageSize];
    if (token % kPageSize == 0) page = free.back(), free.pop_back();
    const index_t at = (page * kPageSize + token % kPageSize) * kRow;
    for (int i = 0; i < kRow; ++i) {
      k[at + i] = static_cast<std::int8_t>(std::lround(k_row[i] / k_factors[i]));
      v[at + i] = static_cast<std::int8_t>(std::lround(v_row[i] / v_factors[i]));
    }
  }
  void end(int request) {
    for (int i = 0; i < kMostPages; ++i) {
      std::int32_t& page = table[request * kMostPages + i];
      if (page >= 0) free.push_back(page);
      page = -1;
    }
    lengths[request] = 0;
  }
};

int main() {
  Int8Cache cache;
  std::vector<float> float_k(kRequests * kRoom * kRow), float_v(float_k), float_q(kQueries), float_out(kQueries);
  std::vector<bfloat16> q(kQueries), out(kQueries);
  const Shape shape{
      .batch = kRequests, .heads = kHeads, .kv_heads = kKvHeads, .q_len = 1, .kv_len = kRoom, .head_dim = kDim};

  const IncreFlashAttention<layout::BSH, bfloat16, kv::Paged<std::int8_t>> attend;
  const IncreProblem<bfloat16, kv::Paged<std::int8_t>> step{.q = q.data(),
                                                            .kv = {.k = cache.k.data(),
                                                                   .v = cache.v.data(),
                                                                   .block_table = cache.table.data(),
                                                                   .max_blocks = kMostPages,
                                                                   .block_size = kPageSize,
                                                                   .blocks = kPages},
                                                            .out = out.data(),
                                                            .shape = shape,
                                                            .scale = 0.125F,
                                                            .kv_lens = cache.lengths,
                                                            .k_antiquant = {.scale = cache.k_factors.data()},
                                                            .v_antiquant = {.scale = cache.v_factors.data()}};
  const std::vector<index_t> longest(kRequests, kRoom);
  auto longest_step = step;
  longest_step.kv_lens = longest;
  std::vector<std::byte> workspace(attend.workspace_bytes(longest_step));

  const IncreFlashAttention<layout::BSH, float> attend_float;
  const IncreProblem<float> float_step{.q = float_q.data(),
                                       .kv = {.k = float_k.data(), .v = float_v.data()},
                                       .out = float_out.data(),
                                       .shape = shape,
                                       .scale = 0.125F,
                                       .kv_lens = cache.lengths};

  std::puts("step   tokens   pages   KiB read, in float  largest error / largest output");
  for (int now = 1; now <= 60; ++now) {
    if (now == 35) cache.end(1);  // a new one takes its place and its pages
    for (int request = 0; request < kRequests; ++request) {
      const index_t at = (request * kRoom + cache.lengths[request]) * kRow;
      for (int i = 0; i < kRow; ++i) float_k[at + i] = key(now, request, i), float_v[at + i] = value(now, request, i);
      cache.append(request, &float_k[at], &float_v[at]);
    }
    for (int i = 0; i < kQueries; ++i) float_q[i] = to_float(q[i] = from_float<bfloat16>(query(now, i)));

    Status status = attend(step, Serial{}, workspace);
    if (status) status = attend_float(float_step);
    if (!status) return std::puts(status.rule), 1;

    if (now % 10 != 0) continue;
    float error = 0, largest = 0;
    for (int i = 0; i < kQueries; ++i) {
      error = std::max(error, std::abs(to_float(out[i]) - float_out[i]));
      largest = std::max(largest, std::abs(float_out[i]));
    }
    const int first = static_cast<int>(cache.lengths[0]), second = static_cast<int>(cache.lengths[1]);
    const int used = kPages - static_cast<int>(cache.free.size()), kib = (first + second) * 2 * kRow / 1024;
    std::printf("%4d  %2d + %2d  %d of %d  %8d, %8d  %s\n", now, first, second, used, kPages, kib, 4 * kib,
                error < 0.02F * largest ? "below 2 %" : "TOO LARGE");
  }
}
