# cmake -DBUILD= -DWORK= -DCONSUMER= -DGENERATOR= -DCXX= -P install_test.cmake; stops at the first step that fails.
cmake_minimum_required(VERSION 3.25)

function(step)
  execute_process(COMMAND ${CMAKE_COMMAND} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK}/prefix ${WORK}/build)
step(--install ${BUILD} --prefix ${WORK}/prefix)
step(-S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${WORK}/prefix)
step(--build ${WORK}/build)
execute_process(COMMAND ${WORK}/build/consumer COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/prefix/bin/primal --version COMMAND_ERROR_IS_FATAL ANY)
