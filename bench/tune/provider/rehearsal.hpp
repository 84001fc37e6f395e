// Does it survive?  Foreign code is run in a child process first where its crash would take everything with it.
#pragma once

#include <functional>

#include "tune/worker/complaint.hpp"

namespace bench::tune {

// What became of a child that did `act`: crashed, exited, timeout, or nothing.
Complaint rehearse(const std::function<void()>& act, unsigned seconds);

}  // namespace bench::tune
