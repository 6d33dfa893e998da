// What the device that kernels are launched on can do: its compute capability, 8 for sm_80 and 9 for sm_90,
// and whether it has room for a cluster. Included by .cu files alone.
#pragma once

#include "tensor/simt/simt.h"
#ifndef __CUDACC__
#include "tensor/simt/emulated_device.h"
#endif

namespace primal::PRIMAL_SIMT {

#ifdef __CUDACC__
inline int compute_capability(const Exec& exec) {
  int major = 0;
  cuda_check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, exec.device.index),
             "ask for the compute capability of the device");
  return major;
}

// Whether the device can run a cluster of that launch: clusters need compute capability 9.0, and those of
// more than 8 blocks need that many multiprocessors in one group of the device.
template <class Kernel>
bool clusters_fit(const Exec& exec, const Launch& at, Kernel* kernel) {
  if (compute_capability(exec) < 9) return false;
  stream_of(exec.device);  // makes it the current one
  const auto* const function = reinterpret_cast<const void*>(kernel);
  allow(at, function);
  cudaLaunchAttribute attribute = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = at.grid, config.blockDim = at.block, config.dynamicSmemBytes = at.shared_bytes;
  config.attrs = &attribute, config.numAttrs = 1;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = at.cluster.x;
  attribute.val.clusterDim.y = at.cluster.y;
  attribute.val.clusterDim.z = at.cluster.z;
  int clusters = 0;
  const cudaError_t status = cudaOccupancyMaxActiveClusters(&clusters, function, &config);
  if (status == cudaSuccess) return clusters > 0;
  if (status != cudaErrorInvalidClusterSize) check_launch(at, status);
  cudaGetLastError();  // answered here, so not an error of the next call that asks
  return false;
}
#else
inline int compute_capability(const Exec&) { return emulated_capability; }
template <class Kernel>
bool clusters_fit(const Exec&, const Launch&, Kernel*) {
  return emulated_capability >= 9;
}
#endif

}  // namespace primal::PRIMAL_SIMT
