// The ranks of a command: this process and those that a launcher started beside it.
//
//   Communicator* ranks = join_ranks("auto", 300.0);       nullptr for a process alone
//   on_ranks(ranks, [&] { ... });                          an error on one rank ends the work of all
//
// From join_ranks() on, rank 0 alone prints. An error of another rank is sent to all and printed by rank 0,
// or by the lowest rank that is left if rank 0 was lost. All ranks end with the exit code of that error.
#pragma once

#include <functional>
#include <string>

#include "apps/distributed/communicator.h"

namespace primal {

// `mode`: auto: the ranks of a launcher that started more than one process; mpi: always use MPI;
// off: this process alone. ConfigError where MPI is needed but missing, and where the launcher and MPI do
// not recognise each other.
Communicator* join_ranks(const std::string& mode, double timeout_seconds);

// Sets how many threads this rank has (processor_share.h), unless the user has chosen it (`chosen`). Returns
// what rank 0 prints about it.
std::string share_processors(Communicator& ranks, bool chosen);

// Runs `work` on each rank. Whatever it throws is sent to the others and then rethrown; a RankError
// comes from another rank.
void on_ranks(Communicator* ranks, const std::function<void()>& work);

}  // namespace primal
