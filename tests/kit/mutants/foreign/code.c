/* It says that it could not. */
#include "right.h"

const char* glint_provider_error(void) { return "no more tiles"; }
int glint_provider_run(const glint_problem* p) { return right_run(p) + 7; }
