# The cache model, pictures and the page.  Without matplotlib pictures are skipped, and the tests say so.
foreach(name model agreement pictures page)
  add_test(NAME bench/tune_${name} COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${name}_test.py)
  set_tests_properties(bench/tune_${name} PROPERTIES LABELS unit TIMEOUT 300)
endforeach()
