// What is not a template is emitted by both units whether or not it is called, so including is the test.
#include "every_header.hpp"

glint::Status second_unit();
glint::Status second_unit() { return glint::Status::ok(); }
