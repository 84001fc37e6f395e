// One unit of the library, under the name and the flags that CMakeLists.txt chooses.
#include "use.hpp"

int GLINT_UNIT();
int GLINT_UNIT() { return use_glint(); }
