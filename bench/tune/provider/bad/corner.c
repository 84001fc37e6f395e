/* Lays the diagonal through the upper left corner whatever was asked for: wrong where q_len and kv_len differ. */
#include "textbook.h"

const char* glint_provider_name(void) { return "corner"; }
int glint_provider_run(const glint_problem* p) {
  glint_problem flipped = *p;
  if (p->key_hi != GLINT_OPEN) flipped.key_hi = 0;
  return textbook_run(&flipped);
}
