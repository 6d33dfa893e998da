# Each .cu file is compiled twice: by the host compiler against the emulation (tensor/simt), always, and with
# PRIMAL_CUDA=ON by nvcc, for compute capability 8.0 and 9.0 and, as PTX, for what comes later.
if(PRIMAL_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  find_package(CUDAToolkit REQUIRED)
  message(STATUS "PRIMAL_CUDA=ON: CUDA ${CUDAToolkit_VERSION} compiles the kernels; in this version no command runs them yet")
endif()

# primal_kernels(primal_nn activation/activation_cuda.cu): adds both builds of the kernels to a target.
function(primal_kernels target)
  foreach(file IN LISTS ARGN)
    # A file can have one language only, so the host compiler gets one that includes it.
    cmake_path(ABSOLUTE_PATH file OUTPUT_VARIABLE source)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE from_root)
    cmake_path(GET file STEM name)
    set(emulated ${CMAKE_CURRENT_BINARY_DIR}/${name}_emulated.cpp)
    file(CONFIGURE OUTPUT ${emulated} CONTENT "#include \"${from_root}\"\n")
    target_sources(${target} PRIVATE ${emulated})
    if(PRIMAL_CUDA)
      target_sources(${target} PRIVATE ${file})
    endif()
  endforeach()
endfunction()
