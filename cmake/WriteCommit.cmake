# cmake -DSOURCE=... -DOUTPUT=... -P WriteCommit.cmake: writes the commit the sources stand at as a header,
# and touches the header only when that changed. With changes of their own it is "...-dirty". Sources that are
# not a clone were "built from an archive"; of a clone on a machine without git, HEAD is read, and whether
# files had changes is not known.
set(failed TRUE)
if(EXISTS ${SOURCE}/.git)  # an archive may lie in somebody else's clone
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=10 --exclude=*
                  OUTPUT_VARIABLE commit ERROR_QUIET RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(failed)
  set(commit "")
  if(EXISTS ${SOURCE}/.git/HEAD)
    file(STRINGS ${SOURCE}/.git/HEAD commit LIMIT_COUNT 1)
    if(commit MATCHES "^ref: (.+)$")
      set(branch ${CMAKE_MATCH_1})
      set(commit "")
      if(EXISTS ${SOURCE}/.git/${branch})
        file(STRINGS ${SOURCE}/.git/${branch} commit LIMIT_COUNT 1)
      elseif(EXISTS ${SOURCE}/.git/packed-refs)
        file(STRINGS ${SOURCE}/.git/packed-refs commit REGEX " ${branch}$" LIMIT_COUNT 1)
      endif()
    endif()
  endif()
  if(commit MATCHES "^[0-9a-f]+")
    string(SUBSTRING ${CMAKE_MATCH_0} 0 10 commit)
    set(commit "${commit}, or changed since (built without git)")
  else()
    set(commit "built from an archive")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define PRIMAL_COMMIT \"${commit}\"\n")
