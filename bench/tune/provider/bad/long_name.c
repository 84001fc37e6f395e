/* Has a name of 41 letters. */
#include "textbook.h"

const char* glint_provider_name(void) { return "abcdefghijklmnopqrstuvwxyzabcdefghijklmno"; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
