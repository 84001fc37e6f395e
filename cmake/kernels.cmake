# Kernels take most of the time that a program with attention in it needs to compile, so tests, examples and benchmarks
# share them (include/glint/kernel/*_once.hpp).  A user's program needs none of this.

file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/*.cpp)
add_library(glint_kernels STATIC EXCLUDE_FROM_ALL ${kernels})
target_link_libraries(glint_kernels PUBLIC glint::glint)
set_target_properties(glint_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)  # a part of the kit's shared library, too
target_compile_options(glint_kernels INTERFACE
  "SHELL:-include glint/kernel/decode_once.hpp" "SHELL:-include glint/kernel/forward_once.hpp"
  "SHELL:-include glint/kernel/backward_once.hpp")
