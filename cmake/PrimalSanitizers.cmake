# PRIMAL_SANITIZE=address,undefined or thread: flags for every target of the project, and in
# PRIMAL_SANITIZER_ENVIRONMENT what the sanitizers shall be told when the tests run.
if(PRIMAL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "PRIMAL_FUZZ=ON needs clang++ (Debian: clang libclang-rt-14-dev libomp-dev); the compiler is "
                        "${CMAKE_CXX_COMPILER}. The preset `fuzz` chooses it.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# primal_plain_stack(SOURCE...): these kernels, or what an emulated kernel calls, are compiled without
# AddressSanitizer's watch over local variables (where they end, and uses after a return). They pass no
# address of a local variable on, -fsanitize=bounds sees their arrays, and every access to a tensor is
# still looked at. Vector kernels have a local variable for each operation, and an emulated kernel has
# thousands of threads with a stack each. Preset asan, GCC 12, two busy cores:
# ColourCli.EachChannelIsAPictureOfItsOwn takes 38 s with the watch and 18 s without,
# RecordedTraining.GoesOnAfterAStopWithTheSameBits/thesis 38 s and 10 s.
function(primal_plain_stack)
  if(PRIMAL_SANITIZE MATCHES address AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS --param=asan-stack=0)
  endif()
endfunction()

if(NOT PRIMAL_SANITIZE)
  return()
endif()
add_compile_options(-fsanitize=${PRIMAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
add_link_options(-fsanitize=${PRIMAL_SANITIZE})

# AddressSanitizer stops where these three would: at an access through a null pointer, or past an object.
# Without them a file compiles in four fifths of the time (PrimalBuildTime.cmake).
if(PRIMAL_SANITIZE MATCHES undefined)
  add_compile_options(-fno-sanitize=null,object-size,vptr)
endif()

if(PRIMAL_SANITIZE MATCHES address)
  list(APPEND PRIMAL_SANITIZER_ENVIRONMENT
       ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
       LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0
       UBSAN_OPTIONS=print_stacktrace=1)
endif()

# Loops run on Primal's own threads (tensor/threads), whose locks ThreadSanitizer sees, and a sanitized
# build leaves out oneDNN, whose threads are OpenMP's. The libraries of the system are not
# instrumented. die_after_fork=0: a test forks and then starts threads in the child, which
# ThreadSanitizer otherwise takes for a mistake.
if(PRIMAL_SANITIZE MATCHES thread)
  list(APPEND PRIMAL_SANITIZER_ENVIRONMENT TSAN_OPTIONS=ignore_noninstrumented_modules=1:die_after_fork=0)
endif()
