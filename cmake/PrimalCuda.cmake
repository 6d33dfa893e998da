# CUDA devices are part of the build where nvcc is found (PRIMAL_CUDA=AUTO), or have to be (ON). Each .cu file
# is compiled by the host compiler against the emulation (tensor/simt), always, and by nvcc where CUDA is
# part: for compute capability 8.0 and 9.0 and, as PTX, for what comes later. The runtime is linked
# statically; the driver is looked for when a program runs.
#
# CUDAARCHS=90 in the environment makes a build for one capability: nvcc took 9.2 s of the processor for
# max_pool3d_cuda.cu, and 11.9 s for both (29 Nov, two busy cores). CI compiles both, because each has lines
# of its own (tensor/simt/simt_cuda.h).
set_property(CACHE PRIMAL_CUDA PROPERTY STRINGS AUTO ON OFF)
if(PRIMAL_CUDA STREQUAL "AUTO")
  include(CheckLanguage)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(PRIMAL_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(PRIMAL_NVCC)
    if(PRIMAL_NVCC)
      set(CMAKE_CUDA_COMPILER ${PRIMAL_NVCC})
    endif()
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(PRIMAL_WITH_CUDA ON)
  endif()
elseif(PRIMAL_CUDA)
  set(PRIMAL_WITH_CUDA ON)
endif()

if(PRIMAL_WITH_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  find_package(CUDAToolkit REQUIRED)
  # Only headers: the libraries themselves are loaded when they are wanted, and may be missing then. A
  # toolkit without them (Debian: nvidia-cuda-dev has both; NVIDIA's packages: libcublas-dev,
  # cuda-nvtx) makes a build without.
  find_path(CUDNN_INCLUDE_DIR cudnn_graph.h HINTS ${CUDNN_ROOT} ENV CUDNN_ROOT ${CUDAToolkit_INCLUDE_DIRS}
            PATH_SUFFIXES include)
  find_path(CUBLASLT_INCLUDE_DIR cublasLt.h HINTS ${CUBLAS_ROOT} ENV CUBLAS_ROOT ${CUDAToolkit_INCLUDE_DIRS}
            PATH_SUFFIXES include)
  find_path(NVTX_INCLUDE_DIR nvtx3/nvToolsExt.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  foreach(library CUDNN CUBLASLT NVTX)
    set(PRIMAL_WITH_${library} OFF)
    if(${library}_INCLUDE_DIR)
      set(PRIMAL_WITH_${library} ON)
    endif()
  endforeach()
  message(STATUS "CUDA ${CUDAToolkit_VERSION}: devices are part of this build; headers of cuDNN: ${CUDNN_INCLUDE_DIR}, "
                 "of cuBLASLt: ${CUBLASLT_INCLUDE_DIR}, of NVTX: ${NVTX_INCLUDE_DIR}")
else()
  message(STATUS "no CUDA: kernels run emulated only (--device simt)")
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
    # Two copies of one access would be two places to a recording, which puts lanes together by place.
    set_source_files_properties(${emulated} PROPERTIES COMPILE_OPTIONS
                                "$<$<CXX_COMPILER_ID:GNU>:-fno-split-paths>")
    set_property(SOURCE ${emulated} APPEND PROPERTY COMPILE_OPTIONS -O1)  # PrimalBuildTime.cmake
    primal_plain_stack(${emulated})
    if(PRIMAL_WITH_CUDA)
      target_sources(${target} PRIVATE ${file})
    endif()
  endforeach()
endfunction()
