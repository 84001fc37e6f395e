// The worker's description of itself and of the machine.
#pragma once

#include <string>

namespace bench::tune {

std::string describe();

}  // namespace bench::tune
