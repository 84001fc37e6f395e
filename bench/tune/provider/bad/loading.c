/* Crashes while it is loaded. */
#include <signal.h>

#include "textbook.h"

__attribute__((constructor)) static void crash(void) { raise(SIGSEGV); }

const char* glint_provider_name(void) { return "loading"; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
