// What a kernel author does with a mask of his own: four short members, some examples, one line.
//
// Several documents lie one after another in one sequence; a token sees the tokens of its own document up to itself.
#include "laws/mask_laws.hpp"

namespace glint_test {
namespace {

struct DocumentCausal {
  const index_t* starts = nullptr;  // the first token of the document that each token belongs to
  index_t tokens = 0;

  bool visible(index_t q, index_t k) const { return starts[q] <= k && k <= q; }
  Interval keys(index_t q0, index_t q1) const { return {starts[q0], q1}; }
  Interval queries(index_t k0, index_t k1) const {
    index_t end = k1;
    while (end < tokens && starts[end] < k1) ++end;
    return {k0, end};
  }
  Cover cover(Box box) const {
    if (box.k0 >= box.q1 || box.k1 <= starts[box.q0]) return Cover::none;
    return starts[box.q1 - 1] <= box.k0 && box.k1 - 1 <= box.q0 ? Cover::full : Cover::partial;
  }
};

// Every way to cut a sequence of up to 8 tokens into documents, and one long sequence.
template <class Visit>
void each_cut(const Visit& visit) {
  const auto cut = [&](index_t tokens, const auto& begins_document) {
    std::vector<index_t> starts(static_cast<std::size_t>(tokens), 0);
    for (index_t t = 1; t < tokens; ++t) {
      const auto here = static_cast<std::size_t>(t);
      starts[here] = begins_document(t) ? t : starts[here - 1];
    }
    visit(DocumentCausal{starts.data(), tokens}, tokens, tokens);
  };
  for (index_t tokens = 1; tokens <= 8; ++tokens)
    for (int cuts = 0; cuts < 1 << (tokens - 1); ++cuts)
      cut(tokens, [&](index_t t) { return (cuts >> (t - 1) & 1) != 0; });
  cut(131, [](index_t t) { return t % 29 == 0; });
}

TEST(DocumentCausal, LooksLikeTriangles) {
  const index_t starts[] = {0, 0, 2, 2, 2, 5};
  EXPECT_EQ(picture(DocumentCausal{starts, 6}, 6, 6), R"(
#.....
##....
..#...
..##..
..###.
.....#
)");
}

TEST(DocumentCausal, IsSoonDraftedAsALambda) {
  static constexpr index_t kStarts[] = {0, 0, 2, 2, 2, 5};
  const auto draft = glint::mask::Where{6, 6, [](index_t q, index_t k) { return k <= q && k >= kStarts[q]; }};
  EXPECT_EQ(picture(draft, 6, 6), picture(DocumentCausal{kStarts, 6}, 6, 6));
}

}  // namespace

template <>
struct MaskExamples<DocumentCausal> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_cut(visit);
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(DocumentCausal, MaskLaws, DocumentCausal);

}  // namespace glint_test
