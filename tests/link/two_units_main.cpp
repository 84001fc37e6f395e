#include "every_header.hpp"

glint::Status second_unit();

int main() { return second_unit() ? 0 : 1; }
