# With SOURCE, OUTPUT and HEADERS set: writes the public headers to OUTPUT/primal, their includes of each
# other as <primal/...>, and primal/primal.h, which includes them all. A public header that includes one
# that is not is an error.
cmake_minimum_required(VERSION 3.25)
set(umbrella "// Every public header of Primal; docs/library.md says what is in them.\n#pragma once\n\n")

function(write_where_changed file text)
  if(EXISTS ${file})
    file(READ ${file} before)
    if(before STREQUAL text)
      return()
    endif()
  endif()
  file(WRITE ${file} "${text}")
endfunction()

file(GLOB_RECURSE before RELATIVE ${OUTPUT}/primal ${OUTPUT}/primal/*.h)
foreach(header IN LISTS before)
  if(NOT header IN_LIST HEADERS)
    file(REMOVE ${OUTPUT}/primal/${header})
  endif()
endforeach()

foreach(header IN LISTS HEADERS)
  file(READ ${SOURCE}/${header} text)
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "#include \"([^\"]+)\"" "\\1" included "${include}")
    if(NOT included IN_LIST HEADERS)
      message(FATAL_ERROR "[install] ${header} is public and includes ${included}, which is not: add it to HEADERS in the "
                          "CMakeLists.txt of its library, or take ${header} out of its own")
    endif()
  endforeach()
  string(REGEX REPLACE "#include \"([^\"]+)\"" "#include <primal/\\1>" text "${text}")
  write_where_changed(${OUTPUT}/primal/${header} "${text}")
  string(APPEND umbrella "#include <primal/${header}>\n")
endforeach()
write_where_changed(${OUTPUT}/primal/primal.h "${umbrella}")
