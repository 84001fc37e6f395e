// What is wrong, for the records: a stable code for programs and a sentence for people.
#pragma once

#include <string>

namespace bench::tune {

struct Complaint {  // an empty code is none
  std::string code{}, message{};
  explicit operator bool() const { return !code.empty(); }
};

}  // namespace bench::tune
