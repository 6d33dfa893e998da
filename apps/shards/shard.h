// Shard: one process's part of a list that several processes work on without communicating.
//
//   part k of n = the items i, sorted by name, with i mod n = k - 1
//
// Every process must be given the same list. The division depends on the names alone, so another
// process can take over a part that was lost, and the parts together contain each item exactly once.
// Sizes differ by at most one.
//
// `auto` takes k and n from the environment: Slurm's job arrays (SLURM_ARRAY_TASK_ID, _COUNT, _MIN, _STEP),
// the ranks of a launcher (Open MPI, MPICH and Intel MPI, or srun), or both; then each rank of each task of
// the array has a part of its own.
//
// Errors: ConfigError for a text that is neither K/N nor auto, for K outside 1 to N, and for auto if the
// variables are missing or are not whole numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/distributed/launcher.h"

namespace primal {

struct Shard {
  int64_t number = 1, count = 1;  // "3/16"

  bool is_all() const { return count == 1; }
  bool has(size_t i) const { return static_cast<int64_t>(i) % count == number - 1; }
  std::string str() const;  // "3/16"
  bool operator==(const Shard&) const = default;
};

Shard parse_shard(const std::string& text, const Environment& environment = environment_of_process);

// The items of that part, in the order of the list. `name_of` gives the name that an item is sorted by.
template <class Item, class NameOf>
std::vector<Item> part_of(std::vector<Item> items, const Shard& shard, const NameOf& name_of) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return name_of(items[a]) < name_of(items[b]); });
  std::vector<char> kept(items.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) kept[order[i]] = shard.has(i) ? 1 : 0;
  std::vector<Item> part;
  for (size_t i = 0; i < items.size(); ++i) {
    if (kept[i] != 0) part.push_back(std::move(items[i]));
  }
  return part;
}

}  // namespace primal
