// Finds the launcher that started this process as one of several from the environment variables that it
// sets: Open MPI's mpirun, the mpirun of MPICH and of Intel MPI, or Slurm's srun. Nothing is loaded and
// no process is contacted.
//
// Errors: ConfigError with the caller's tag where a variable is not a whole number, or a rank is outside 0 to
//         size - 1.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace primal {

// The value of an environment variable; empty if it is not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;
std::optional<std::string> environment_of_process(const char* name);

// The whole number in that variable; nothing where it is not set. `tag` begins the error: "[--shard] auto".
std::optional<int64_t> number_in(const Environment& environment, const char* name, const char* tag);

struct LaunchedRank {
  int64_t rank = 0, size = 1;
  std::string variable;  // from which the rank was read: "OMPI_COMM_WORLD_RANK"
  // False in the script of a batch job: Slurm's variables are set there too, but srun started no step.
  bool in_step = true;
};
std::optional<LaunchedRank> launched_rank(const Environment& environment, const char* tag);

}  // namespace primal
