# cmake --install: the program; for other projects, headers below include/primal, the CMake package
# with primal::tensor ... primal::model, and a pkg-config file; for readers, licence, documentation,
# examples and configurations.
include(CMakePackageConfigHelpers)

get_property(targets GLOBAL PROPERTY PRIMAL_INSTALL_TARGETS)
install(TARGETS ${targets} EXPORT primalTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT primalTargets NAMESPACE primal:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)

# Our sources include each other from the root of the repository ("tensor/tensor.h"), installed headers as
# <primal/tensor/tensor.h>: a project's own tensor/ is never taken for ours, and one folder on the path is
# enough.
get_property(headers GLOBAL PROPERTY PRIMAL_PUBLIC_HEADERS)
set(public_headers ${CMAKE_BINARY_DIR}/public_headers)
install(CODE "set(SOURCE \"${CMAKE_SOURCE_DIR}\")
set(OUTPUT \"${public_headers}\")
set(HEADERS \"${headers}\")
include(\"${CMAKE_SOURCE_DIR}/cmake/PublicHeaders.cmake\")")
install(DIRECTORY ${public_headers}/primal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/primalConfig.cmake.in ${CMAKE_BINARY_DIR}/primalConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/primalConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/primalConfig.cmake ${CMAKE_BINARY_DIR}/primalConfigVersion.cmake
              ${CMAKE_SOURCE_DIR}/cmake/PrimalDcmtk.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/primal)

# primal.pc finds its prefix from where it lies, as the CMake package does.
cmake_path(SET pkgconfig NORMALIZE /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH pkgconfig BASE_DIRECTORY /prefix OUTPUT_VARIABLE from_prefix)
cmake_path(SET prefix /prefix)
cmake_path(RELATIVE_PATH prefix BASE_DIRECTORY ${pkgconfig} OUTPUT_VARIABLE to_prefix)
set(pc_cflags "")
set(pc_libs "")
set(pc_requires "")
if(PRIMAL_WITH_TIFF)
  string(APPEND pc_requires " libtiff-4")
endif()
if(PRIMAL_WITH_WEBP)
  string(APPEND pc_requires " libwebp libwebpmux")
endif()
if(PRIMAL_WITH_DICOM)
  string(APPEND pc_libs " ${PrimalDcmtk_LINK_FLAGS}")
endif()
if(PRIMAL_WITH_CUDA)
  set(pc_cflags " -DPRIMAL_HAS_CUDA=1")
  string(APPEND pc_libs " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt")
  if(PRIMAL_WITH_CUDNN)
    string(APPEND pc_cflags " -DPRIMAL_HAS_CUDNN=1")
  endif()
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/primal.pc.in ${CMAKE_BINARY_DIR}/primal.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/primal.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/primal)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs ${CMAKE_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

# cmake --build build/release --target uninstall: removes what the last installation of this build put there.
add_custom_target(uninstall
  COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
          -P ${CMAKE_SOURCE_DIR}/cmake/Uninstall.cmake VERBATIM)
