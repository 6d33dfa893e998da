#include "tensor/simt/launch_list.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "tensor/error.h"
#include "tensor/simt/block_ledger.h"

namespace primal::simt {
namespace {

thread_local LaunchList* listing = nullptr;

double product(const std::array<unsigned, 3>& extent) {
  return static_cast<double>(extent[0]) * extent[1] * extent[2];
}

// The bytes of each block of memory that one of the words points into, by the number of the block.
std::map<uint64_t, double> blocks_of(std::span<const Argument> arguments) {
  std::map<uint64_t, double> blocks;
  for (const Argument& argument : arguments) {
    for (size_t at = 0; at + sizeof(void*) <= argument.size; at += sizeof(void*)) {
      const void* address = nullptr;
      std::memcpy(&address, static_cast<const char*>(argument.bytes) + at, sizeof address);
      if (address == nullptr) continue;
      if (const auto block = block_ledger().block_at(address))
        blocks[block->number] = static_cast<double>(block->bytes);
    }
  }
  return blocks;
}

}  // namespace

double ListedLaunch::n_blocks() const { return product(grid); }
double ListedLaunch::n_threads() const { return product(grid) * product(block); }

LaunchList::LaunchList() {
  if (listing != nullptr) throw ConfigError("[simt] the launches of this thread are listed already");
  listing = this;
}
LaunchList::~LaunchList() { listing = nullptr; }
LaunchList* LaunchList::current() { return listing; }

void LaunchList::add(ListedLaunch launch, std::span<const Argument> arguments) {
  for (const auto& [number, bytes] : blocks_of(arguments)) {
    launch.bytes += bytes;
    launch.largest_block = std::max(launch.largest_block, bytes);
  }
  launch.range = open_range();
  launches_.push_back(std::move(launch));
}

}  // namespace primal::simt
