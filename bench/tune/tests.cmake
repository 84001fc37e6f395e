# Tests of the front end.  Most run sweeps with a worker that measures nothing.
foreach(name front trouble results tables compare)
  add_test(NAME bench/tune_${name} COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${name}_test.py)
  set_tests_properties(bench/tune_${name} PROPERTIES LABELS unit TIMEOUT 600)
endforeach()
