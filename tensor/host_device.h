// PRIMAL_HOST_DEVICE: in front of a small function that host code and kernels share.
#pragma once

#ifdef __CUDACC__
#define PRIMAL_HOST_DEVICE __host__ __device__
#else
#define PRIMAL_HOST_DEVICE
#endif
