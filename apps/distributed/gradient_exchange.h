// GradientExchange: adds the gradients of all ranks, bucket by bucket, while the backward pass computes the
// rest.
//
//   exchange->begin(b, gradients)     the gradients of bucket b are complete; all ranks begin the buckets in
//                                     one order
//   exchange->advance()               goes on with the exchange as far as possible without waiting
//   exchange->finish(b, gradients)    writes the sums into the gradients, in the order of the device's work
//   exchange->wait()                  returns when all sums have been written
//
// Each element is added in the order of the ranks in double precision and rounded once, on one rank, so both
// implementations give the same bits:
//
//   through_host (host_exchange.h)    gradients pass through the memory of the host, as messages of
//                                     Communicator
//   over_nccl (nccl_exchange.h)       gradients stay on the CUDA devices, one for each rank; NCCL carries
//                                     them
//
// exchange_choice.h decides between them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "apps/distributed/communicator.h"
#include "tensor/tensor.h"

namespace primal {

class GradientExchange {
 public:
  GradientExchange() = default;
  virtual ~GradientExchange() = default;
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  // `gradients` are those of a bucket: f32, in the same order each time. Throws RankError if another rank
  // ended or does not answer.
  virtual void begin(size_t bucket, std::span<const Tensor> gradients) = 0;
  virtual void advance() = 0;
  virtual void finish(size_t bucket, std::span<const Tensor> gradients) = 0;
  virtual void wait() = 0;
  // Ends the exchange because this rank leaves the training, so that the device no longer waits for the other
  // ranks. Sums that were not finished are undefined afterwards.
  virtual void abandon() noexcept = 0;
};

// Makes an exchange for buckets with these numbers of elements. Every rank calls it at the same time.
using MakeExchange =
    std::function<std::unique_ptr<GradientExchange>(Communicator& ranks, const std::vector<size_t>& sizes)>;

}  // namespace primal
