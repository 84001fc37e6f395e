/* The textbook provider but for its name and glint_provider_run, for those that do something wrong beside it. */
#define glint_provider_name textbook_name
#define glint_provider_run textbook_run
#include "../textbook.c"
#undef glint_provider_name
#undef glint_provider_run

/* Of the output as a whole, where it is dense. */
static inline float* first_number(const glint_problem* p) { return p->out.data; }
static inline float* end_of_numbers(const glint_problem* p) {
  return first_number(p) + p->batch * p->heads * p->q_len * p->value_dim;
}
