// What a set of parameters means: the mask as a picture, its rule in words, the formula, legality and other libraries.
#pragma once

#include <string>
#include <string_view>

namespace kit {

struct Explained {
  std::string text;   // what a person reads, lines of about 100 characters
  std::string svg;    // the masks as pictures: one panel for each kind of batch entry, at most 64 x 64 cells
  std::string error;  // why nothing could be explained; then the others are empty
};

// `words`: key=value, separated by blanks, as in "sparse_mode=4 pre=3 next=-1 sq=6 skv=10", or a case line.  Lists have
// commas: lengths of sequences or batch entries.  Defaults are those of the operators' documents; sizes may be as large
// as real ones.  An illegal call is no error: the text says which rule it breaks.
Explained explain(std::string_view words);

// All keys of `words`, one line each.
std::string explain_keys();

}  // namespace kit
