// The gradients of all ranks, added on their CUDA devices; the host only starts the work. On rank r of P, for
// each bucket:
//
//   1. pack            its gradients become one vector, padded to P pieces of equal size    the device's own stream
//   2. reduce-scatter  piece s goes to rank s, and those for r arrive [P, piece]            side stream: a group of sends
//   3. add             in the order of ranks, in double, rounded once                       side stream: rank_sum_cuda.cu
//   4. all-gather      the sum goes to all                                                  side stream: ncclAllGather
//   5. unpack          the sums become the gradients, in finish()                           the device's own stream
//
// Steps 2 to 4 of a bucket run while the backward pass computes the next ones; in the first step of a
// training, after it: there kernels are loaded and memory is allocated, which may wait for all work of the
// device. A rank sends 2 (P - 1) / P of the vector, as AllReduce does. Pieces are multiples of 16 bytes,
// which is how NCCL copies fastest; the padding is at most 16 P bytes a bucket.
// Memory on the device: the size of all gradients, and once more the largest bucket.
//
// The host waits in begin() until NCCL has queued the messages, which needs no other rank, and in wait()
// until the sums are there. Nothing that waits for the device may be called between finish() and wait(): a
// device that waits for a rank that ended never ends itself, and wait() alone sees that.
#pragma once

#include "apps/distributed/gradient_exchange.h"
#include "apps/distributed/rank_sum_kernels.h"
#include "tensor/vendor/nccl_api.h"

namespace primal {

const RankSumKernels& rank_sum_kernels_on(Device device);

// With the functions of `nccl` on that device.
MakeExchange over_nccl(const cuda::NcclApi& nccl, Device device, const RankSumKernels& kernels);

}  // namespace primal
