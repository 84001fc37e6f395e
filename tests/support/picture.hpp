// A mask as ASCII art: one line for each query, '#' where it sees the key, '.' where it does not.  The art begins with
// a line break, so that a raw string literal in a test can begin on a line of its own.
#pragma once

#include <string>

#include "glint/core/config.hpp"

namespace glint_test {

template <class AnyMaskLike>
std::string picture(const AnyMaskLike& mask, glint::index_t nq, glint::index_t nk) {
  std::string art = "\n";
  for (glint::index_t q = 0; q < nq; ++q) {
    for (glint::index_t k = 0; k < nk; ++k) art += mask.visible(q, k) ? '#' : '.';
    art += '\n';
  }
  return art;
}

}  // namespace glint_test
