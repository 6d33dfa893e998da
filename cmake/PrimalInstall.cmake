# cmake --install: headers keep their folders below include/primal, the package exports primal::tensor ... primal::nn.
include(CMakePackageConfigHelpers)

get_property(targets GLOBAL PROPERTY PRIMAL_INSTALL_TARGETS)
install(TARGETS ${targets} EXPORT primalTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT primalTargets NAMESPACE primal:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)
foreach(folder tensor autograd solvers nn data)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/primal
          FILES_MATCHING PATTERN "*.h")
endforeach()

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/primalConfig.cmake.in ${CMAKE_BINARY_DIR}/primalConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/primalConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/primalConfig.cmake ${CMAKE_BINARY_DIR}/primalConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)
