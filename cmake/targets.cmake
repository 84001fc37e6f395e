# Three INTERFACE targets over one include directory:
#   glint::glint      raw pointers, no dependency
#   glint::eigen      glint/eigen.hpp: views, dtypes and executor for users of Eigen
#   glint::reference  glint/reference/: the float64 oracle, for tests of glint and of other kernels
# The last two exist only where Eigen was found.

# In developer mode `all_verify_interface_header_sets` compiles each header alone.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ${GLINT_DEVELOPER_MODE})

set(not_alone "(-inl|/for_each_isa|/executor_openmp)\\.hpp$")

function(glint_interface name exported)  # HEADER...
  add_library(${name} INTERFACE)
  add_library(glint::${exported} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${exported})
  # Installed, but not asked to compile alone: bodies that are included once per instruction set (*-inl.hpp and the loop
  # over them), and adaptors to a library that glint itself does not ask for.
  set(headers ${ARGN})
  set(others ${headers})
  list(FILTER others INCLUDE REGEX "${not_alone}")
  list(FILTER headers EXCLUDE REGEX "${not_alone}")
  target_sources(${name} INTERFACE FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_sources(${name} INTERFACE FILE_SET others TYPE HEADERS BASE_DIRS include FILES ${others})
  set_target_properties(${name} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
endfunction()

file(GLOB_RECURSE all_headers CONFIGURE_DEPENDS include/glint/*.hpp)
set(eigen_headers ${all_headers})
set(reference_headers ${all_headers})
list(FILTER eigen_headers INCLUDE REGEX "/include/glint/eigen(\\.hpp|/)")
list(FILTER reference_headers INCLUDE REGEX "/include/glint/reference/")
set(plain_headers ${all_headers})
list(FILTER plain_headers EXCLUDE REGEX "/include/glint/(eigen(\\.hpp|/)|reference/)")

glint_interface(glint glint ${plain_headers})
target_compile_features(glint INTERFACE cxx_std_20)
# glint/simd/tuning.hpp.  A path, or a name below an include directory, as glint/tuned/amd_zen4.hpp.
set(GLINT_TUNING_FILE "" CACHE STRING "Tuning table that programs which link to glint::glint are compiled with")
if(GLINT_TUNING_FILE)
  target_compile_definitions(glint INTERFACE "$<BUILD_INTERFACE:GLINT_TUNING_FILE=\"${GLINT_TUNING_FILE}\">")
endif()
if(TARGET Eigen3::Eigen)
  glint_interface(glint_eigen eigen ${eigen_headers})
  target_link_libraries(glint_eigen INTERFACE glint Eigen3::Eigen)
  glint_interface(glint_reference reference ${reference_headers})
  target_link_libraries(glint_reference INTERFACE glint Eigen3::Eigen)
endif()
