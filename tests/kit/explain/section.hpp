// A part of what `explain` says, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kit/explain/explain.hpp"

namespace kit {

// The lines from the one that begins with `from` up to the next empty one; a line break comes first, as in the tests.
inline std::string section(const std::string& words, const std::string& from) {
  const Explained explained = explain(words);
  EXPECT_EQ(explained.error, "");
  const std::size_t begin = explained.text.find("\n" + from);
  if (begin == std::string::npos) return "no such section:\n" + explained.text;
  const std::size_t end = explained.text.find("\n\n", begin);
  return explained.text.substr(begin, end == std::string::npos ? end : end + 1 - begin);
}

}  // namespace kit
