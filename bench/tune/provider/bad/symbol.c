/* Lacks glint_provider_run. */
#include "textbook.h"

const char* glint_provider_name(void) { return "symbol"; }
