// The sparse modes as one picture, in SVG on standard output.  The README shows it; ctest keeps it true.
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr index_t kRows = 8, kColumns = 12, kCell = 11, kPanel = 12 * kCell + 28;

// One panel: rows are queries, columns are keys, filled is seen.
void draw(index_t panel, const char* title, const Mask auto& mask) {
  const index_t left = 10 + panel % 5 * kPanel, top = 30 + panel / 5 * (kRows * kCell + 42);
  std::printf("<text x=\"%d\" y=\"%d\">%s</text>\n", int(left), int(top - 8), title);
  std::printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#e2e8f0\"/>\n<path fill=\"#2b6cb0\" d=\"",
              int(left), int(top), int(kColumns * kCell - 1), int(kRows * kCell - 1));
  for (index_t q = 0; q < kRows; ++q)
    for (index_t k = 0; k < kColumns; ++k)
      if (mask.visible(q, k)) std::printf("M%d %dh10v10h-10z", int(left + k * kCell), int(top + q * kCell));
  std::puts("\"/>");
}

int main() {
  std::vector<std::uint8_t> drop(static_cast<std::size_t>(kRows * kColumns));
  for (std::size_t i = 0; i < drop.size(); ++i) drop[i] = i % 7 == 3 || i % 5 == 1;
  const DenseOf dense{.drop = drop.data(), .row_stride = kColumns};
  const std::vector<index_t> prefix{7};
  const Tokens tokens{.pre = 3, .next = 1};
  const HeadIndex head{.batch = 0, .head = 0, .q_len = kRows, .kv_len = kColumns};

  std::printf(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
      "font-size=\"11\">\n",
      int(5 * kPanel), int(2 * (kRows * kCell + 42) + 6));
  draw(0, "0 default_mask", StaircaseAndDenseOf{{SparseMode::default_mask, tokens}, dense}(head));
  draw(1, "1 all_mask", StaircaseAndDenseOf{{SparseMode::all_mask}, dense}(head));
  draw(2, "2 left_up_causal", StaircaseOf{SparseMode::left_up_causal}(head));
  draw(3, "3 right_down_causal", StaircaseOf{SparseMode::right_down_causal}(head));
  draw(4, "4 band", StaircaseOf{SparseMode::band, tokens}(head));
  draw(5, "5 prefix", StaircaseAndDenseOf{{SparseMode::prefix, {}, prefix}, dense}(head));
  draw(6, "6 prefix_compressed", StaircaseOf{SparseMode::prefix_compressed, {}, prefix}(head));
  draw(7, "7 band last, else 3", StaircaseOf{SparseMode::varlen_right_down_band, tokens, {}, 0}(head));
  draw(8, "8 band first, else 2", StaircaseOf{SparseMode::varlen_band_left_up, tokens, {}, 1}(head));
  draw(9, "custom: any predicate", mask::Where{kRows, kColumns, [](index_t q, index_t k) { return (q ^ k) % 3 != 1; }});
  std::puts("</svg>");
}
