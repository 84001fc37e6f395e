/* Asks for a petabyte of workspace. */
#define glint_provider_workspace textbook_workspace
#include "textbook.h"
#undef glint_provider_workspace

const char* glint_provider_name(void) { return "absurd"; }
int64_t glint_provider_workspace(const glint_problem* p) { return textbook_workspace(p) + ((int64_t)1 << 50); }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
