# PRIMAL_PYTHON=ON, OFF or AUTO: whether the Python module is part of the build. AUTO: where there are a
# Python interpreter of 3.9 or later with its headers and nanobind (`python3 -m pip install nanobind`), in
# builds without sanitizers, which an interpreter does not have, and without static libraries, which are
# not position-independent.
set_property(CACHE PRIMAL_PYTHON PROPERTY STRINGS AUTO ON OFF)
set(PRIMAL_WITH_PYTHON OFF)
if(PRIMAL_PYTHON AND NOT (PRIMAL_PYTHON STREQUAL "AUTO" AND (PRIMAL_STATIC OR PRIMAL_SANITIZE OR PRIMAL_FUZZ)))
  set(Python_FIND_UNVERSIONED_NAMES FIRST)
  find_package(Python 3.9 QUIET COMPONENTS Interpreter Development.Module)
  if(Python_FOUND)
    execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_VARIABLE PRIMAL_NANOBIND_FOLDER
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    find_package(nanobind CONFIG QUIET HINTS ${PRIMAL_NANOBIND_FOLDER})
    if(nanobind_FOUND AND nanobind_VERSION VERSION_GREATER_EQUAL 2.4)  # its version file accepts one major version only
      set(PRIMAL_WITH_PYTHON ON)
    endif()
  endif()
  if(NOT PRIMAL_WITH_PYTHON AND NOT PRIMAL_PYTHON STREQUAL "AUTO")
    message(FATAL_ERROR "PRIMAL_PYTHON=${PRIMAL_PYTHON}, but there is no Python 3.9 or later with its headers (Debian: python3-dev) "
                        "and nanobind 2.4 or later (python3 -m pip install nanobind)")
  endif()
endif()
