/* Ends the process while it is loaded, as if all were well. */
#include <stdlib.h>

#include "textbook.h"

__attribute__((constructor)) static void leave(void) { exit(0); }

const char* glint_provider_name(void) { return "exit"; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
