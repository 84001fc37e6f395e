/* Asks for less than no workspace. */
#define glint_provider_workspace textbook_workspace
#include "textbook.h"
#undef glint_provider_workspace

const char* glint_provider_name(void) { return "negative"; }
int64_t glint_provider_workspace(const glint_problem* p) { return -textbook_workspace(p); }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
