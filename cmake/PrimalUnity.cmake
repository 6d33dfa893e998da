# A faster first build: with PRIMAL_UNITY, up to primal_unity_size sources of a folder are compiled as one
# file that includes them, so that the headers that they share are parsed once. The price is that a change in
# one source compiles its whole group again. scripts/build.sh asks for it, and .ci/run for its build with
# AddressSanitizer. clang-tidy and the build with ThreadSanitizer compile each source alone, so that a
# missing include is found.
#
#   primal_unity(TARGET [JOINED] [ALONE FOLDER...])
#
# JOINED: the sources of neighbouring folders form groups too. The sources in the FOLDERs named stay alone: a
# test that puts other objects in their place links them one by one. A source that defines macros stays alone
# too, since they would hold for the sources after it; those with vector kernels are among them. Names in
# anonymous namespaces of one folder, or of a joined target, must differ.
option(PRIMAL_UNITY "compile the sources of a folder in groups: a faster first build" OFF)
set(primal_unity_size 16)

function(primal_unity target)
  if(NOT PRIMAL_UNITY)
    return()
  endif()
  cmake_parse_arguments(ARG "JOINED" "" "ALONE" ${ARGN})
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(IS_ABSOLUTE ${source} OR NOT source MATCHES "\\.cpp$")
      continue()
    endif()
    cmake_path(GET source PARENT_PATH folder)
    if(folder AND folder IN_LIST ARG_ALONE)
      continue()
    endif()
    file(STRINGS ${source} macros REGEX "^#define" LIMIT_COUNT 1)
    if(macros)
      continue()
    endif()
    set(room ${target})
    if(NOT ARG_JOINED)
      string(MAKE_C_IDENTIFIER "${target}_${folder}" room)
    endif()
    if(NOT DEFINED n_${room})
      set(n_${room} 0)
    endif()
    math(EXPR group "${n_${room}} / ${primal_unity_size}")
    math(EXPR n_${room} "${n_${room}} + 1")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${room}_${group}")
  endforeach()
  # GCC takes the included sources for headers, in which types of anonymous namespaces would be a mistake.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
