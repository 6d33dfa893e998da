# One CMake target per folder. primal_library(solvers SOURCES ... DEPENDS primal::autograd) makes primal_solvers with the
# alias primal::solvers, compiled with the project's warnings and sanitizers, and puts it on the install list.
include(GNUInstallDirs)
include(PrimalSanitizers)

add_library(primal_options INTERFACE)
target_compile_options(primal_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wno-unknown-pragmas>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wno-unknown-pragmas>)
if(PRIMAL_WERROR)
  target_compile_options(primal_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Werror>)
endif()
set_property(GLOBAL PROPERTY PRIMAL_INSTALL_TARGETS "")

function(primal_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(primal_${name} STATIC ${ARG_SOURCES})
  add_library(primal::${name} ALIAS primal_${name})
  set_target_properties(primal_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(primal_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/primal>)
  target_compile_features(primal_${name} PUBLIC cxx_std_20)
  target_link_libraries(primal_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS}
                                       $<BUILD_INTERFACE:primal_options>)
  set_property(GLOBAL APPEND PROPERTY PRIMAL_INSTALL_TARGETS primal_${name})
endfunction()

# primal_test(solvers/pdhg SOURCES pdhg_test.cpp LABELS unit grad DEPENDS primal::solvers): one GoogleTest program; each of
# its tests is a CTest test with those labels (`ctest -L grad`). A test that skips itself is shown as skipped. Many tests
# run at once, so each takes two threads and sleeps at its barriers.
set(PRIMAL_TEST_ENVIRONMENT PRIMAL_THREADS=2 OMP_WAIT_POLICY=passive ${PRIMAL_SANITIZER_ENVIRONMENT})

function(primal_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;PREFIX" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 1500)
  endif()
  string(REPLACE "/" "_" target "test_${name}")
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_DEPENDS} primal_options GTest::gtest GTest::gtest_main)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} DISCOVERY_TIMEOUT 60
                       TEST_PREFIX "${ARG_PREFIX}" NO_PRETTY_VALUES TEST_LIST ${target}_names
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  # gtest_discover_tests takes lists apart, so the properties that are lists are set by a file CTest reads after its own.
  set(properties_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_properties.cmake)
  file(CONFIGURE OUTPUT ${properties_file} @ONLY CONTENT [[
foreach(name IN LISTS @target@_names)
  set_tests_properties("${name}" PROPERTIES LABELS "@ARG_LABELS@" ENVIRONMENT "@PRIMAL_TEST_ENVIRONMENT@")
endforeach()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${properties_file})
endfunction()
