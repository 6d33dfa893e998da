// Decides how the ranks of a training add their gradients (gradient_exchange.h): over NCCL, or through the
// memory of the host.
//
//   const ExchangeChoice choice = choose_exchange(ranks, "auto", device);     the same on every rank
//   train(..., &ranks, exchange_of(choice, device));
//
// NCCL needs a CUDA device for each rank that no other rank uses, and the same version of NCCL on all ranks.
//
// Errors: ConfigError, the same on every rank, if NCCL is asked for but one of these conditions does not
//         hold.
#pragma once

#include <string>
#include <vector>

#include "apps/distributed/gradient_exchange.h"

namespace primal {

// What a rank knows about its device and about NCCL.
struct ExchangeFacts {
  Device device;
  std::string bus;           // PCI address of a CUDA device, "0000:1B:00.0"
  int nccl_version = 0;      // 22809 for 2.28.9
  std::string nccl_problem;  // why NCCL cannot be used; empty if it can
};
// Loads NCCL, but only for CUDA devices.
ExchangeFacts exchange_facts(Device device);

struct ExchangeChoice {
  bool nccl = false;
  std::string why;  // what rank 0 prints: "gradients are added on the devices by NCCL 2.28.9"
};

// `setting` is auto (NCCL if it can be used), host (never NCCL) or nccl (NCCL, or an error if it cannot be
// used).
ExchangeChoice choose_exchange(Communicator& ranks, const std::string& setting, const ExchangeFacts& own);

MakeExchange exchange_of(const ExchangeChoice& choice, Device device);

}  // namespace primal
