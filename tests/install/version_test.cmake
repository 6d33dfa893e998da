# cmake -DSOURCE= -DWORK= -P version_test.cmake: what cmake/WriteCommit.cmake says of sources in an archive,
# and in a clone on a machine without git, its branch in a file or packed.
cmake_minimum_required(VERSION 3.25)
set(commit 0123456789abcdef0123456789abcdef01234567)
set(ENV{PATH} "")  # no git

function(expect_commit expected)
  execute_process(COMMAND ${CMAKE_COMMAND} -DSOURCE=${WORK} -DOUTPUT=${WORK}/commit.h -P ${SOURCE}/cmake/WriteCommit.cmake
                  COMMAND_ERROR_IS_FATAL ANY)
  file(STRINGS ${WORK}/commit.h found)
  if(NOT found STREQUAL "#define PRIMAL_COMMIT \"${expected}\"")
    message(FATAL_ERROR "expected ${expected}, found ${found}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
expect_commit("built from an archive")

set(from_head "0123456789, or changed since (built without git)")
file(WRITE ${WORK}/.git/HEAD "${commit}\n")
expect_commit("${from_head}")
file(WRITE ${WORK}/.git/HEAD "ref: refs/heads/a-branch\n")
file(WRITE ${WORK}/.git/refs/heads/a-branch "${commit}\n")
expect_commit("${from_head}")
file(REMOVE ${WORK}/.git/refs/heads/a-branch)
file(WRITE ${WORK}/.git/packed-refs "# pack-refs with: peeled\n${commit} refs/heads/a-branch\n")
expect_commit("${from_head}")
file(REMOVE ${WORK}/.git/packed-refs)
expect_commit("built from an archive")
