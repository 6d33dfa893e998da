// cuDNN 9, loaded at run time: the functions that the implementations named `cudnn` use, and a handle for each device.
#pragma once

#include <cudnn.h>
#include <string>

#include "tensor/device.h"

namespace primal::cuda {

#define PRIMAL_CUDNN_FUNCTIONS(X)                  \
  X(cudnnCreate)                                   \
  X(cudnnDestroy)                                  \
  X(cudnnSetStream)                                \
  X(cudnnGetErrorString)                           \
  X(cudnnCreateTensorDescriptor)                   \
  X(cudnnDestroyTensorDescriptor)                  \
  X(cudnnSetTensorNdDescriptor)                    \
  X(cudnnCreateFilterDescriptor)                   \
  X(cudnnDestroyFilterDescriptor)                  \
  X(cudnnSetFilterNdDescriptor)                    \
  X(cudnnCreateConvolutionDescriptor)              \
  X(cudnnDestroyConvolutionDescriptor)             \
  X(cudnnSetConvolutionNdDescriptor)               \
  X(cudnnSetConvolutionMathType)                   \
  X(cudnnGetConvolutionForwardAlgorithm_v7)        \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7)   \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7) \
  X(cudnnConvolutionForward)                       \
  X(cudnnConvolutionBackwardData)                  \
  X(cudnnConvolutionBackwardFilter)                \
  X(cudnnConvolutionBackwardBias)                  \
  X(cudnnBackendCreateDescriptor)                  \
  X(cudnnBackendDestroyDescriptor)                 \
  X(cudnnBackendSetAttribute)                      \
  X(cudnnBackendGetAttribute)                      \
  X(cudnnBackendFinalize)                          \
  X(cudnnBackendExecute)

struct CudnnApi {
#define PRIMAL_CUDNN_MEMBER(name) decltype(&::name) name = nullptr;
  PRIMAL_CUDNN_FUNCTIONS(PRIMAL_CUDNN_MEMBER)
#undef PRIMAL_CUDNN_MEMBER
};

// Where cuDNN was found, or why it is not there; asked for once.
struct CudnnStatus {
  std::string path, problem;
};
const CudnnStatus& cudnn_status();
inline bool has_cudnn() { return cudnn_status().problem.empty(); }

const CudnnApi& cudnn();                    // DeviceError with cudnn_status().problem where there is none
cudnnHandle_t cudnn_handle(Device device);  // on the device's stream

// DeviceError naming the call where it failed.
void cudnn_check(cudnnStatus_t status, const char* what);

}  // namespace primal::cuda
