// cuDNN 9, loaded at run time: the functions that the implementations named `cudnn` use, and a handle for
// each device.
#pragma once

#include <cudnn.h>

#include "tensor/device.h"
#include "tensor/vendor/vendor_library.h"

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

PRIMAL_VENDOR_API(CudnnApi, PRIMAL_CUDNN_FUNCTIONS);

const VendorApi<CudnnApi>& cudnn_library();  // loaded when first asked for
inline bool has_cudnn() { return cudnn_library().usable(); }

inline const CudnnApi& cudnn() { return cudnn_library().functions(); }  // DeviceError where there is none
cudnnHandle_t cudnn_handle(Device device);                              // on the device's stream

// DeviceError naming the call where it failed.
void cudnn_check(cudnnStatus_t status, const char* what);

}  // namespace primal::cuda
