# Nothing that is installed depends on the architecture, hence share/ and ARCH_INDEPENDENT.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/glint)
install(TARGETS glint EXPORT glint-targets FILE_SET HEADERS FILE_SET others)
install(EXPORT glint-targets NAMESPACE glint:: DESTINATION ${package_dir})

# A separate export, so that find_package(glint) succeeds where there is no Eigen.
if(TARGET glint_eigen)
  install(TARGETS glint_eigen glint_reference EXPORT glint-eigen-targets FILE_SET HEADERS FILE_SET others)
  install(EXPORT glint-eigen-targets NAMESPACE glint:: DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/glint-config.cmake.in glint-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(glint-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/glint-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/glint-config-version.cmake
  DESTINATION ${package_dir})

configure_file(cmake/glint.pc.in glint.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/glint.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/glint)
