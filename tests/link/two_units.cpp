#include "every_header.hpp"
#include "use.hpp"

int second_unit() { return use_glint(); }
