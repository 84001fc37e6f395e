/* foreign.c, of which a file that includes this replaces glint_provider_run. */
#define glint_provider_run right_run
#include "kit/mutants/foreign.c"
#undef glint_provider_run

GLINT_PROVIDER_EXPORT int glint_provider_run(const glint_problem* problem);
