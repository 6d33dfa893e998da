// Adds the gradients of all ranks on their CUDA devices; the host only starts the work. On rank r of P, for
// each bucket:
//
//   1. pack            its gradients become one vector, padded to P pieces of equal size
//   2. reduce-scatter  piece s goes to rank s, and the pieces for r arrive [P, piece]: a group of sends
//   3. add             in the order of ranks, in double, rounded once (rank_sum_cuda.cu)
//   4. all-gather      the sum goes to all ranks (ncclAllGather)
//   5. unpack          the sums become the gradients, in finish()
//
// Steps 1 and 5 run on the device's own stream, steps 2 to 4 on a side stream. Steps 2 to 4 of a bucket run
// while the backward pass computes the next buckets. In the first step of a training they run after the
// backward pass, because kernels are loaded and memory is allocated in that step, and these calls may wait
// for all work of the device. A rank sends 2 (P - 1) / P of the vector, as AllReduce does. Pieces are
// multiples of 16 bytes, which NCCL copies fastest; the padding is at most 16 P bytes for a bucket. The
// device needs memory for all gradients and for the largest bucket.
//
// The host waits in begin() until NCCL has queued the messages, which needs no other rank, and in wait()
// until the sums are complete. Nothing that waits for the device may be called between finish() and wait():
// if another rank has ended, the device waits for its messages for ever, and only wait() notices that.
#pragma once

#include "apps/distributed/gradient_exchange.h"
#include "apps/distributed/rank_sum_kernels.h"
#include "tensor/vendor/nccl_api.h"

namespace primal {

const RankSumKernels& rank_sum_kernels_on(Device device);

// An exchange on that device that calls the functions of `nccl`.
MakeExchange over_nccl(const cuda::NcclApi& nccl, Device device, const RankSumKernels& kernels);

}  // namespace primal
