# Who uses glint needs nothing, or Eigen if they want glint::eigen.  Who works on it needs GoogleTest and Benchmark too.
# Order: what is installed; GoogleTest's sources as Debian ships them (the only way when cross-compiling); a pinned
# download if GLINT_FETCH_DEPS allows it; else one message that says what to type.

if(NOT GLINT_DEVELOPER_MODE)
  find_package(Eigen3 3.4 CONFIG QUIET GLOBAL)  # seen from the including project too
  return()
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Options of GoogleTest and Benchmark; without the policy their option() would overrule us.
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
set(BUILD_GMOCK OFF)
set(INSTALL_GTEST OFF)
set(BENCHMARK_ENABLE_TESTING OFF)
set(BENCHMARK_ENABLE_INSTALL OFF)

if(GLINT_FETCH_DEPS)
  include(FetchContent)
  # Eigen is headers only: a SOURCE_SUBDIR that is not there keeps its own tests out of our build.
  FetchContent_Declare(Eigen3 GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0
    SOURCE_SUBDIR none FIND_PACKAGE_ARGS 3.4 CONFIG)
  FetchContent_Declare(GTest GIT_REPOSITORY https://github.com/google/googletest.git GIT_TAG v1.14.0
    FIND_PACKAGE_ARGS 1.12)
  FetchContent_Declare(benchmark GIT_REPOSITORY https://github.com/google/benchmark.git GIT_TAG v1.8.3
    FIND_PACKAGE_ARGS 1.7)
  FetchContent_MakeAvailable(Eigen3 GTest benchmark)
  if(NOT TARGET Eigen3::Eigen)
    add_library(Eigen3::Eigen INTERFACE IMPORTED)
    target_include_directories(Eigen3::Eigen INTERFACE "${eigen3_SOURCE_DIR}")
  endif()
else()
  find_package(Eigen3 3.4 CONFIG QUIET)
  find_package(GTest 1.12 QUIET)
  find_package(benchmark 1.7 CONFIG QUIET)
  if(NOT TARGET GTest::gtest_main AND EXISTS /usr/src/googletest/CMakeLists.txt)
    add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL SYSTEM)
  endif()
endif()

if(NOT TARGET Eigen3::Eigen OR NOT TARGET GTest::gtest_main OR NOT (TARGET benchmark::benchmark OR CMAKE_CROSSCOMPILING))
  message(FATAL_ERROR "glint's tests, examples and benchmarks need Eigen 3.4, GoogleTest 1.12 and Benchmark 1.7.\n"
    "On Debian or Ubuntu:  sudo apt-get install libeigen3-dev libgtest-dev libbenchmark-dev\n"
    "Elsewhere:            cmake -DGLINT_FETCH_DEPS=ON ...   (downloads pinned versions)\n"
    "Only the headers:     cmake -DGLINT_DEVELOPER_MODE=OFF ...")
endif()
