/* Speaks another version of the interface. */
#define glint_provider_abi textbook_abi
#include "textbook.h"
#undef glint_provider_abi

uint32_t glint_provider_abi(void) { return 7; }
const char* glint_provider_name(void) { return "abi"; }
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }
