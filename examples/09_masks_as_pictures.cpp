// The nine sparse modes as pictures: rows are queries, columns are keys, # is seen.  A mask tensor (modes 0, 1 and 5)
// drops every key that is divisible by 5.
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

void draw(const char* title, const Mask auto& mask, index_t nq, index_t nk) {
  std::vector<std::uint8_t> seen(static_cast<std::size_t>(nq * nk));
  mask::materialize(mask, nq, nk, seen.data());
  std::puts(title);
  for (index_t q = 0; q < nq; ++q) {
    std::printf("  ");
    for (index_t k = 0; k < nk; ++k) std::putchar(seen[static_cast<std::size_t>(q * nk + k)] != 0 ? '#' : '.');
    std::puts("");
  }
}

int main() {
  const index_t nq = 5, nk = 9;
  std::vector<std::uint8_t> drop(static_cast<std::size_t>(nq * nk));
  for (std::size_t i = 0; i < drop.size(); ++i) drop[i] = i % 9 % 5 == 0;
  const DenseOf dense{.drop = drop.data(), .row_stride = nk};
  const std::vector<index_t> prefix{6};
  const Tokens tokens{.pre = 2, .next = 1};
  const HeadIndex head{.batch = 0, .head = 0, .q_len = nq, .kv_len = nk};

  using Both = StaircaseAndDenseOf;
  draw("0 default_mask: tensor, and a band of 2 back and 1 ahead from the top left",
       Both{{SparseMode::default_mask, tokens}, dense}(head), nq, nk);
  draw("1 all_mask: tensor", Both{{SparseMode::all_mask}, dense}(head), nq, nk);
  draw("2 left_up_causal", StaircaseOf{SparseMode::left_up_causal}(head), nq, nk);
  draw("3 right_down_causal", StaircaseOf{SparseMode::right_down_causal}(head), nq, nk);
  draw("4 band: 2 back and 1 ahead from the bottom right", StaircaseOf{SparseMode::band, tokens}(head), nq, nk);
  draw("5 prefix: tensor, and mode 3 or the first 6 keys", Both{{SparseMode::prefix, {}, prefix}, dense}(head), nq, nk);
  draw("6 prefix_compressed: mode 3 or the first 6 keys", StaircaseOf{SparseMode::prefix_compressed, {}, prefix}(head),
       nq, nk);

  // Modes 7 and 8 belong to layout TND; one of its sequences is a band, as when a long causal attention is cut up.
  const std::vector<index_t> q_ends{3, 7}, kv_ends{5, 11};  // two sequences: 3 x 5 and 4 x 6
  const Sequences q = Sequences::ends(q_ends), kv = Sequences::ends(kv_ends);
  const StaircaseOf seven{
      SparseMode::varlen_right_down_band, tokens, {}, band_entry(SparseMode::varlen_right_down_band, q)};
  const StaircaseOf eight{SparseMode::varlen_band_left_up, tokens, {}, band_entry(SparseMode::varlen_band_left_up, q)};
  const HeadIndex first{.batch = 0, .head = 0, .q_len = q.length(0), .kv_len = kv.length(0)};
  const HeadIndex last{.batch = 1, .head = 0, .q_len = q.length(1), .kv_len = kv.length(1)};
  draw("7 varlen_right_down_band: as mode 3, ...", seven(first), first.q_len, first.kv_len);
  draw("  ... but the last sequence as mode 4", seven(last), last.q_len, last.kv_len);
  draw("8 varlen_band_left_up: the first sequence as mode 4, ...", eight(first), first.q_len, first.kv_len);
  draw("  ... the others as mode 2", eight(last), last.q_len, last.kv_len);
}
