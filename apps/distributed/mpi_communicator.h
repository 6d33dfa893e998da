// Ranks that an MPI launcher started as processes. The module primal_mpi (mpi_plugin.h), which is linked
// with MPI, is loaded by begin_mpi() and by nothing else; it lies in lib/primal beside the program's
// bin, or in the build folder.
#pragma once

#include <memory>
#include <string>

#include "apps/distributed/communicator.h"

namespace primal {

// Why this build or this machine has no MPI; empty where the module can be loaded. Loads it.
std::string why_no_mpi();
// "Open MPI v4.1.4"; empty where why_no_mpi() gives a reason.
std::string mpi_library();

// ConfigError where there is no MPI or it does not begin. One at a time, and MPI ends with the process.
std::unique_ptr<Communicator> begin_mpi();

// Ends MPI, which waits for the other ranks. If that takes more than `seconds`, the process ends at once with
// that code.
void end_mpi(double seconds, int exit_code);
// Ends all processes of the launcher at once.
void abort_mpi(int exit_code);

}  // namespace primal
