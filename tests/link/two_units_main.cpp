#include "every_header.hpp"
#include "use.hpp"

int second_unit();

int main() { return use_glint() + second_unit(); }
