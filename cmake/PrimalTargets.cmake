# One CMake target per folder. primal_library(solvers SOURCES ... HEADERS ... DEPENDS primal::autograd)
# makes primal_solvers with the alias primal::solvers, compiled with the project's warnings and sanitizers,
# and puts it on the install list. HEADERS are the public ones: what an installed Primal offers to other
# projects (PrimalInstall.cmake).
include(GNUInstallDirs)
include(PrimalSanitizers)
include(PrimalBuildTime)
include(PrimalUnity)

# OpenMP's flags are for our own sources only, for their `omp simd` pragmas and for oneDNN, whose threads are
# OpenMP's. Public headers use nothing of it, so a project that uses Primal only links it.
set(openmp_options $<TARGET_PROPERTY:OpenMP::OpenMP_CXX,INTERFACE_COMPILE_OPTIONS>)
add_library(primal_openmp INTERFACE)
target_compile_options(primal_openmp INTERFACE ${openmp_options})

add_library(primal_options INTERFACE)
target_compile_options(primal_options INTERFACE ${openmp_options}
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                               -Wno-unknown-pragmas>
  $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo>  # profilers and compute-sanitizer name lines; costs nothing at run time
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wconversion,-Wsign-conversion,-Wno-unknown-pragmas>)
if(PRIMAL_WERROR)
  target_compile_options(primal_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Werror>)
endif()
set_property(GLOBAL PROPERTY PRIMAL_INSTALL_TARGETS "")
set_property(GLOBAL PROPERTY PRIMAL_PUBLIC_HEADERS "")

function(primal_library name)
  cmake_parse_arguments(ARG "JOINED" "" "SOURCES;HEADERS;ALONE;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(primal_${name} STATIC ${ARG_SOURCES})
  add_library(primal::${name} ALIAS primal_${name})
  set_target_properties(primal_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(primal_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(primal_${name} PUBLIC cxx_std_20)
  target_link_libraries(primal_${name} PUBLIC ${ARG_DEPENDS}
    PRIVATE $<BUILD_INTERFACE:primal_openmp> ${ARG_PRIVATE_DEPENDS} $<BUILD_INTERFACE:primal_options>)
  foreach(source IN LISTS ARG_SOURCES)
    file(STRINGS ${source} vector_kernels REGEX "hwy/foreach_target.h" LIMIT_COUNT 1)
    if(vector_kernels)
      primal_plain_stack(${source})
    endif()
  endforeach()
  set(unity)
  if(ARG_JOINED)
    set(unity JOINED)
  endif()
  primal_unity(primal_${name} ${unity} ALONE ${ARG_ALONE})
  set_property(GLOBAL APPEND PROPERTY PRIMAL_INSTALL_TARGETS primal_${name})
  list(TRANSFORM ARG_HEADERS PREPEND ${name}/)
  set_property(GLOBAL APPEND PROPERTY PRIMAL_PUBLIC_HEADERS ${ARG_HEADERS})
endfunction()

# primal_embed(primal_data page/page_parts.cpp.in PRIMAL_PAGE_STYLE page/style.css ...): text files as strings
# of the library. The first file is a template for configure_file(), and each variable in it stands for the
# content of the file after its name.
function(primal_embed target template)
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs name file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(READ ${file} ${name})
  endwhile()
  string(REGEX REPLACE "\\.in$" "" source ${CMAKE_CURRENT_BINARY_DIR}/generated/${template})
  configure_file(${template} ${source} @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()

# primal_test(solvers/pdhg SOURCES pdhg_test.cpp LABELS unit grad DEPENDS primal::solvers): one GoogleTest
# program; each of its tests is a CTest test with those labels (`ctest -L grad`). A test that skips itself is
# shown as skipped. Many tests run at once, so each takes two threads, and oneDNN's sleep at their barriers.
# KERNELS says that its sources have kernels, which are optimised as in a library. UNSANITIZED leaves
# sanitizers out of its own files, though not out of what it links or runs.
set(PRIMAL_TEST_ENVIRONMENT PRIMAL_THREADS=2 OMP_WAIT_POLICY=passive ${PRIMAL_SANITIZER_ENVIRONMENT})

function(primal_test name)
  cmake_parse_arguments(ARG "KERNELS;UNSANITIZED" "TIMEOUT;PREFIX" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 1500)
  endif()
  string(REPLACE "/" "_" target "test_${name}")
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_DEPENDS} primal_options GTest::gtest GTest::gtest_main)
  if(ARG_UNSANITIZED)
    target_link_libraries(${target} PRIVATE primal_unsanitized_test_options)
  elseif(NOT ARG_KERNELS)
    target_link_libraries(${target} PRIVATE primal_test_options)
  endif()
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} DISCOVERY_TIMEOUT 60
                       TEST_PREFIX "${ARG_PREFIX}" NO_PRETTY_VALUES TEST_LIST ${target}_names
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  # gtest_discover_tests takes lists apart, so the properties that are lists are set by a file
  # CTest reads after its own.
  set(properties_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_properties.cmake)
  file(CONFIGURE OUTPUT ${properties_file} @ONLY CONTENT [[
foreach(name IN LISTS @target@_names)
  set_tests_properties("${name}" PROPERTIES LABELS "@ARG_LABELS@" ENVIRONMENT "@PRIMAL_TEST_ENVIRONMENT@")
endforeach()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${properties_file})
endfunction()
