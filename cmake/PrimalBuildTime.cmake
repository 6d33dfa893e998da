# What makes builds shorter and changes nothing that a user sees: less optimisation for code that only calls
# kernels. Kernels, solvers and the tape keep the build type's own flags.
#
# The commands are compiled with -O1, all but the kernels that measure the machine
# (apps/profile/roof_kernels.cpp).
#
# Under sanitizers the optimiser takes a good part of the time of a file, so there the commands
# (primal_command_options) and the tests (primal_test_options) have none, nor is the alignment of each access
# looked at, which matters in kernels and readers; elsewhere tests have little. A test that only runs the
# program has no sanitizer in its own files either (primal_unsanitized_test_options). A test that has kernels
# is optimised as a library is: the emulation tells the places of two accesses apart only where functions
# are inlined.
#
# Emulated kernels (primal_kernels) have -O1 in every build: most of their time goes to the emulation
# (tensor/simt), which is compiled apart. `primal verify tests/golden --device simt -q`, user time: 31.3 and
# 31.2 s with -O1, 30.6 and 31.6 s with -O3; compiling them takes half as long.
#
# Seconds of the processor on two busy cores, 29 Nov, GCC 12:
#
#   apps/commands/denoise.cpp        Release: 8.3 with -O3, 5.4 with -O1; training/trainer.cpp 3.8 and 3.0
#   tests/apps/train_cli_test.cpp    Release: 12.8 with -O3, 9.0 with -O1; preset asan: 19.3 before, 7.1 now
#   apps/training/event_log.cpp      preset asan: 15.1 with -O1, 11.5 with -O0
#   tests/apps/profile_test.cpp      preset asan: 21.9 with all checks of -fsanitize=undefined, 13.7 without
#                                    null, object-size, vptr and alignment
#   nn/conv3d/cpu/conv3d_winograd    preset asan: 7.5 with all checks, 6.3 without null, object-size and vptr
#
# Precompiled headers are not used: with them event_log.cpp took 13.5 s and without 9.2 s, since GCC reads
# 142 MB for each file; a small test took 3.4 s and 3.6 s.
add_library(primal_command_options INTERFACE)
add_library(primal_test_options INTERFACE)
add_library(primal_unsanitized_test_options INTERFACE)
if(PRIMAL_SANITIZE)
  target_compile_options(primal_command_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-O0>)
  target_compile_options(primal_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-O0>)
  if(PRIMAL_SANITIZE MATCHES undefined)
    target_compile_options(primal_command_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=alignment>)
    target_compile_options(primal_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=alignment>)
  endif()
  target_compile_options(primal_unsanitized_test_options INTERFACE -O0 -fno-sanitize=all)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(primal_command_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-O1>)
  target_compile_options(primal_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-O1>)
  target_compile_options(primal_unsanitized_test_options INTERFACE -O1)
endif()
# A wrong access is in the source of a kernel, which AddressSanitizer sees in the copy that it runs: two
# instruction sets of x86 instead of five. The release build proves ops on each.
if(PRIMAL_SANITIZE MATCHES address)
  add_compile_definitions(PRIMAL_FEW_SIMD_TARGETS)
endif()
# ThreadSanitizer looks at how threads share memory, which is the same on every instruction set: one will do.
if(PRIMAL_SANITIZE MATCHES thread)
  add_compile_definitions(HWY_COMPILE_ONLY_STATIC)
endif()
