#include "apps/distributed/launcher.h"

#include <charconv>
#include <cstdlib>

#include "apps/shell/visible_text.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct Names {
  const char *rank, *size;
};
// srun sets its own names as well for processes that do not use MPI, so they come last.
constexpr Names kLaunchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                {"PMI_RANK", "PMI_SIZE"},
                                {"SLURM_PROCID", "SLURM_NTASKS"}};

}  // namespace

std::optional<std::string> environment_of_process(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return {};
  return value;
}

std::optional<int64_t> number_in(const Environment& environment, const char* name, const char* tag) {
  const std::optional<std::string> text = environment(name);
  if (!text) return {};
  int64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || rest != end)
    throw ConfigError("{}: {} is '{}', expected a whole number", tag, name, visible(*text));
  return value;
}

std::optional<LaunchedRank> launched_rank(const Environment& environment, const char* tag) {
  for (const Names& names : kLaunchers) {
    const bool is_slurm = std::string(names.rank) == "SLURM_PROCID";
    const auto rank = number_in(environment, names.rank, tag);
    auto size = number_in(environment, names.size, tag);
    // A step may have fewer tasks than its job.
    if (const auto in_step = number_in(environment, "SLURM_STEP_NUM_TASKS", tag); is_slurm && in_step)
      size = in_step;
    if (!rank || !size) continue;
    if (*rank < 0 || *size < 1 || *rank >= *size)
      throw ConfigError("{}: {} is {}, but {} is {}; ranks are numbered from 0", tag, names.rank, *rank,
                        names.size, *size);
    return LaunchedRank{*rank, *size, names.rank, !is_slurm || environment("SLURM_STEP_ID").has_value()};
  }
  return {};
}

}  // namespace primal
