// Decides how the ranks of a training add their gradients (gradient_exchange.h): over NCCL, or through the
// memory of the host.
//
//   const ExchangeChoice choice = choose_exchange(ranks, "auto", device);     the same on every rank
//   train(..., &ranks, exchange_of(choice, device));
//
// NCCL needs a CUDA device for each rank that no other rank uses, and the same version of NCCL on all ranks.
//
// Errors: ConfigError, the same on every rank, where NCCL is asked for but one of these is missing.
#pragma once

#include <string>
#include <vector>

#include "apps/distributed/gradient_exchange.h"

namespace primal {

// What a rank knows of its device and of NCCL.
struct ExchangeFacts {
  Device device;
  std::string bus;           // of a CUDA device, "0000:1B:00.0"
  int nccl_version = 0;      // 22809 for 2.28.9
  std::string nccl_problem;  // why NCCL cannot be used; empty where it can
};
// NCCL is loaded for CUDA devices only.
ExchangeFacts exchange_facts(Device device);

struct ExchangeChoice {
  bool nccl = false;
  std::string why;  // what rank 0 prints: "gradients are added on the devices by NCCL 2.28.9"
};

// `setting`: auto: NCCL where it can be used; host: without it; nccl: an error where it cannot.
ExchangeChoice choose_exchange(Communicator& ranks, const std::string& setting, const ExchangeFacts& own);

MakeExchange exchange_of(const ExchangeChoice& choice, Device device);

}  // namespace primal
