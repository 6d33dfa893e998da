#include "apps/shards/shard.h"

#include <charconv>
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

constexpr const char* kTag = "[--shard] auto";

Shard checked(int64_t number, int64_t count, const std::string& what) {
  if (count < 1 || count > kMostShards || number < 1 || number > count) {
    throw ConfigError("[--shard] {}: part {} of {}; there are 1 to {} parts, numbered from 1", what, number,
                      count, kMostShards);
  }
  return {number, count};
}

std::optional<Shard> shard_of_array(const Environment& environment) {
  const auto id = number_in(environment, "SLURM_ARRAY_TASK_ID", kTag);
  const auto count = number_in(environment, "SLURM_ARRAY_TASK_COUNT", kTag);
  if (!id || !count) return {};
  const int64_t first = number_in(environment, "SLURM_ARRAY_TASK_MIN", kTag).value_or(0);
  const int64_t step =
      std::max<int64_t>(number_in(environment, "SLURM_ARRAY_TASK_STEP", kTag).value_or(1), 1);
  return checked((*id - first) / step + 1, *count, "auto: Slurm's array");
}

std::optional<Shard> shard_of_rank(const Environment& environment) {
  const std::optional<LaunchedRank> launched = launched_rank(environment, kTag);
  if (!launched) return {};
  return checked(launched->rank + 1, launched->size, fmt::format("auto: {}", launched->variable));
}

}  // namespace

std::string Shard::str() const { return fmt::format("{}/{}", number, count); }

Shard parse_shard(const std::string& text, const Environment& environment) {
  if (text == "auto") {
    const std::optional<Shard> array = shard_of_array(environment), rank = shard_of_rank(environment);
    if (!array && !rank) {
      throw ConfigError(
          "[--shard] auto: the environment has neither a job array of Slurm (SLURM_ARRAY_TASK_ID and _COUNT) "
          "nor ranks of a launcher; give K/N, as 3/16");
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
