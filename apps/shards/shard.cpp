#include "apps/shards/shard.h"

#include <charconv>
#include <cstdlib>
#include <fmt/core.h>

#include "apps/shell/visible_text.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kMostShards = 1'000'000;

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || text.empty()) return {};
  return value;
}

// The number in that variable; nothing where it is not set.
std::optional<int64_t> number_in(const Environment& environment, const char* name) {
  const std::optional<std::string> text = environment(name);
  if (!text) return {};
  const std::optional<int64_t> value = whole_number(*text);
  if (!value) throw ConfigError("[--shard] auto: {} is '{}', expected a whole number", name, visible(*text));
  return value;
}

Shard checked(int64_t number, int64_t count, const std::string& what) {
  if (count < 1 || count > kMostShards || number < 1 || number > count) {
    throw ConfigError("[--shard] {}: part {} of {}; there are 1 to {} parts, numbered from 1", what, number,
                      count, kMostShards);
  }
  return {number, count};
}

std::optional<Shard> shard_of_array(const Environment& environment) {
  const auto id = number_in(environment, "SLURM_ARRAY_TASK_ID");
  const auto count = number_in(environment, "SLURM_ARRAY_TASK_COUNT");
  if (!id || !count) return {};
  const int64_t first = number_in(environment, "SLURM_ARRAY_TASK_MIN").value_or(0);
  const int64_t step = std::max<int64_t>(number_in(environment, "SLURM_ARRAY_TASK_STEP").value_or(1), 1);
  return checked((*id - first) / step + 1, *count, "auto: Slurm's array");
}

// Of the launcher that started this process. srun sets its own names for processes that do not use MPI.
std::optional<Shard> shard_of_rank(const Environment& environment) {
  struct Names {
    const char *rank, *size;
  };
  for (const Names& names : {Names{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                             Names{"PMI_RANK", "PMI_SIZE"}, Names{"SLURM_PROCID", "SLURM_NTASKS"}}) {
    const auto rank = number_in(environment, names.rank), size = number_in(environment, names.size);
    if (rank && size) return checked(*rank + 1, *size, fmt::format("auto: {}", names.rank));
  }
  return {};
}

}  // namespace

std::string Shard::str() const { return fmt::format("{}/{}", number, count); }

std::optional<std::string> environment_of_process(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return {};
  return value;
}

Shard parse_shard(const std::string& text, const Environment& environment) {
  if (text == "auto") {
    const std::optional<Shard> array = shard_of_array(environment), rank = shard_of_rank(environment);
    if (!array && !rank) {
      throw ConfigError(
          "[--shard] auto: the environment has neither a job array of Slurm (SLURM_ARRAY_TASK_ID and _COUNT) "
          "nor ranks of "
          "a launcher; give K/N, as 3/16");
    }
    const Shard outer = array.value_or(Shard{}), inner = rank.value_or(Shard{});
    return checked((outer.number - 1) * inner.count + inner.number, outer.count * inner.count, "auto");
  }
  const size_t slash = text.find('/');
  const auto number = whole_number(text.substr(0, slash));
  const auto count = slash == std::string::npos ? std::nullopt : whole_number(text.substr(slash + 1));
  if (!number || !count)
    throw ConfigError("[--shard] expects K/N, as 3/16, or auto; found '{}'", visible(text));
  return checked(*number, *count, visible(text));
}

}  // namespace primal
