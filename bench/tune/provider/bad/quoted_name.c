/* Has a name that would break lines and quotes. */
#include "textbook.h"

const char* glint_provider_name(void) { return "a \"fast\"\nkernel"; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
