// The compute capability of the device that kernels are launched on: 8 for sm_80, 9 for sm_90. Included by .cu files alone.
#pragma once

#include "tensor/simt/simt.h"
#ifndef __CUDACC__
#include "tensor/simt/emulated_capability.h"
#endif

namespace primal::PRIMAL_SIMT {

#ifdef __CUDACC__
inline int compute_capability(const Exec& exec) {
  int major = 0;
  cuda_check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, exec.device.index),
             "ask for the compute capability of the device");
  return major;
}
#else
inline int compute_capability(const Exec&) { return emulated_capability; }
#endif

}  // namespace primal::PRIMAL_SIMT
