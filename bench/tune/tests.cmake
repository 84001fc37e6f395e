# Tests of the front end, most with a worker that measures nothing; of the cache model, pictures and the page (without
# matplotlib pictures are skipped, and the tests say so); of the worker; and a sweep of the smoke level.
set(python ${Python3_EXECUTABLE})
execute_process(COMMAND ${python} -c "import matplotlib" RESULT_VARIABLE lacks_pictures ERROR_QUIET)
if(lacks_pictures AND EXISTS /usr/bin/python3)  # the first Python need not be the one that has it
  set(python /usr/bin/python3)
endif()

function(glint_tune_test name)  # ARGUMENT...
  add_test(NAME bench/tune_${name} COMMAND ${python} -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}_test.py ${ARGN})
  set_tests_properties(bench/tune_${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()

foreach(name space front trouble results tables compare model agreement pictures page)
  glint_tune_test(${name})
endforeach()

# Sanitizers and emulators have no part in what is timed.
if(NOT CMAKE_CROSSCOMPILING AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set_target_properties(glint_tune_worker_smoke PROPERTIES EXCLUDE_FROM_ALL FALSE)
  glint_tune_test(worker)
  glint_tune_test(provider_worker)
  set_tests_properties(bench/tune_worker bench/tune_provider_worker PROPERTIES ENVIRONMENT
    "GLINT_TUNE_WORKER=$<TARGET_FILE:glint_tune_worker_smoke>;GLINT_PROVIDERS=${CMAKE_CURRENT_BINARY_DIR}/provider")
  glint_tune_test(shipped $<TARGET_FILE:glint_tune_worker_smoke>)
  glint_tune_test(smoke $<TARGET_FILE:glint_tune_worker_smoke> ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(bench/tune_smoke PROPERTIES RUN_SERIAL TRUE SKIP_REGULAR_EXPRESSION "^SKIPPED")
endif()
