// The gradients of all ranks, added through the memory of the host: on any device, over any Communicator.
// Each bucket is copied to the host and added by AllReduce (all_reduce.h); finish() waits for the sums and
// copies them back.
#pragma once

#include "apps/distributed/gradient_exchange.h"

namespace primal {

std::unique_ptr<GradientExchange> through_host(Communicator& ranks, const std::vector<size_t>& sizes);

}  // namespace primal
