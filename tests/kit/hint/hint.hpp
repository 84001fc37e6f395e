// Which known convention or mistake explains a result that is wrong.
#pragma once

#include "kit/bundle/bundle.hpp"

namespace kit {

// A foreign kernel's outputs by their names in a bundle: out, lse, softmax_max, softmax_sum, d_query, ...
using Results = std::map<std::string, Tensor, std::less<>>;

struct TileSize {
  index_t rows = 0, columns = 0;  // 0: not told
};

struct Hint {
  std::string id;        // stable, for programs: "mask.corner"
  std::string sentence;  // for people: what the kernel seems to do, what the case asks for, what to change
  double explained = 0;  // share of the rows looked at, wrong ones among them, that the hypothesis makes right
};

// Best first; at most five; empty if nothing explains enough.  `question` is the whole case, `tolerances` allow per
// element as in the bundle.
std::vector<Hint> hints(const Question& question, const Answer& answer, const Tolerances& tolerances,
                        const Results& results, TileSize tile);

}  // namespace kit
