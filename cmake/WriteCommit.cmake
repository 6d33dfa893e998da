# cmake -DSOURCE=... -DOUTPUT=... -P WriteCommit.cmake: writes the commit the sources stand at as a header, and touches the
# header only when that changed. Sources that are not a git clone are "unknown"; with changes of their own "...-dirty".
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=10 --exclude=*
                OUTPUT_VARIABLE commit ERROR_QUIET RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
if(failed)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define PRIMAL_COMMIT \"${commit}\"\n")
