/* Has no name. */
#include "textbook.h"

const char* glint_provider_name(void) { return 0; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
