// Speculative decoding: four drafted tokens are tested in one call, as four query rows whose keys are the last four of
// the cache.  Drafted one behind the other they see a causal triangle; drafted as alternatives, a tree.  Each row must
// give what its token gives when it is decoded alone, behind nothing but the history and its own branch.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kHistory = 50, kDrafts = 4, kTokens = kHistory + kDrafts, kHeads = 8, kKvHeads = 2, kDim = 32;
constexpr int kQueryRow = kHeads * kDim, kRow = kKvHeads * kDim;

std::vector<float> numbers(int count, float step) {
  std::vector<float> list(count);
  for (int i = 0; i < count; ++i) list[i] = std::sin(step * static_cast<float>(i));
  return list;
}
const std::vector<float> q = numbers(kDrafts * kQueryRow, 1.3F), k = numbers(kTokens * kRow, 0.7F),
                         v = numbers(kTokens * kRow, 1.9F);

void attend(IncreProblem<float> problem, index_t rows, index_t keys) {
  problem.shape = {.batch = 1, .heads = kHeads, .kv_heads = kKvHeads, .q_len = rows, .kv_len = keys, .head_dim = kDim};
  problem.scale = 0.18F;
  const Status status = IncreFlashAttention<layout::BSND, float>{}(problem);
  if (!status) std::puts(status.rule);
}

// parent[i]: the draft before draft i; -1 if that is the history's last token.
void test(const char* name, DraftMask draft, const int (&parent)[kDrafts]) {
  std::uint8_t tree[kDrafts][kDrafts];  // 0 where the row may see the column
  std::fill_n(tree[0], kDrafts * kDrafts, std::uint8_t{1});
  for (int row = 0; row < kDrafts; ++row)
    for (int seen = row; seen >= 0; seen = parent[seen]) tree[row][seen] = 0;

  std::vector<float> together(q.size()), alone(kQueryRow);
  IncreProblem<float> problem{
      .q = q.data(), .kv = {.k = k.data(), .v = v.data()}, .out = together.data(), .draft = draft};
  if (draft == DraftMask::tree) problem.draft_tree = {tree[0], 1, 1, kDrafts, kDrafts};
  attend(problem, kDrafts, kTokens);

  for (int row = 0; row < kDrafts; ++row) {
    std::printf("%s, row %d: history", name, row);
    std::vector<float> branch_k(k.begin(), k.begin() + kHistory * kRow),
        branch_v(v.begin(), v.begin() + kHistory * kRow);
    for (int seen = 0; seen < kDrafts; ++seen) {
      if (tree[row][seen] != 0) continue;
      const int first = (kHistory + seen) * kRow;
      branch_k.insert(branch_k.end(), k.begin() + first, k.begin() + first + kRow);
      branch_v.insert(branch_v.end(), v.begin() + first, v.begin() + first + kRow);
      std::printf(" + %d", seen);
    }
    attend({.q = &q[row * kQueryRow], .kv = {.k = branch_k.data(), .v = branch_v.data()}, .out = alone.data()}, 1,
           static_cast<index_t>(branch_k.size()) / kRow);
    float largest = 0;
    for (int i = 0; i < kQueryRow; ++i) largest = std::max(largest, std::abs(together[row * kQueryRow + i] - alone[i]));
    std::printf("%s\n", largest < 1e-6F ? ", as alone" : ", NOT as alone");
  }
}

int main() {
  test("causal", DraftMask::causal, {-1, 0, 1, 2});
  test("tree", DraftMask::tree, {-1, 0, 0, 1});  // 1 and 2 are alternatives behind 0, and 3 follows 1
}
