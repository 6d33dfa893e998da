// Adds the gradients of all ranks through the memory of the host. It works on any device and with any
// Communicator. Each bucket is copied to the host and added by AllReduce (all_reduce.h); finish() waits for
// the sums and copies them back.
#pragma once

#include "apps/distributed/gradient_exchange.h"

namespace primal {

std::unique_ptr<GradientExchange> through_host(Communicator& ranks, const std::vector<size_t>& sizes);

}  // namespace primal
