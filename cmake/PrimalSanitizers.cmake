# PRIMAL_SANITIZE=address,undefined or thread: flags for every target of the project, and in PRIMAL_SANITIZER_ENVIRONMENT
# what the sanitizers shall be told when the tests run.
if(PRIMAL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "PRIMAL_FUZZ=ON needs clang++ (Debian: clang libclang-rt-14-dev libomp-dev); the compiler is "
                        "${CMAKE_CXX_COMPILER}. The preset `fuzz` chooses it.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(NOT PRIMAL_SANITIZE)
  return()
endif()
add_compile_options(-fsanitize=${PRIMAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
add_link_options(-fsanitize=${PRIMAL_SANITIZE})

if(PRIMAL_SANITIZE MATCHES address)
  list(APPEND PRIMAL_SANITIZER_ENVIRONMENT
       ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
       UBSAN_OPTIONS=print_stacktrace=1)
endif()

# ThreadSanitizer sees the locks of OpenMP only through Archer, a part of LLVM's libomp; under GCC's libgomp every
# parallel loop looks like a race.
if(PRIMAL_SANITIZE MATCHES thread)
  file(REAL_PATH ${CMAKE_CXX_COMPILER} compiler)
  cmake_path(GET compiler PARENT_PATH compiler_folder)
  find_library(PRIMAL_ARCHER archer PATHS ${compiler_folder}/../lib)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang OR NOT PRIMAL_ARCHER)
    message(FATAL_ERROR "PRIMAL_SANITIZE=thread needs clang++ and Archer (Debian: clang libomp-dev); the compiler is "
                        "${CMAKE_CXX_COMPILER}, Archer is ${PRIMAL_ARCHER}. The preset `tsan` chooses the compiler.")
  endif()
  list(APPEND PRIMAL_SANITIZER_ENVIRONMENT
       OMP_TOOL_LIBRARIES=${PRIMAL_ARCHER} TSAN_OPTIONS=ignore_noninstrumented_modules=1)
endif()
