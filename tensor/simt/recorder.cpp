#include "tensor/simt/recorder.h"

#include <algorithm>
#include <atomic>
#include <fmt/core.h>

#include "tensor/error.h"
#include "tensor/simt/residents.h"

namespace primal::simt {
namespace {

std::atomic<Recording*> current{nullptr};

constexpr size_t kMaxSites = 65535;
constexpr uint64_t kNoCode = uint64_t{1}
                             << 63;  // in a key: a place in the source, since no code has such an address

const char* verb(Access access) {
  return access == Access::read ? "reads" : access == Access::write ? "writes" : "updates";
}

}  // namespace

bool is_recording() { return current.load(std::memory_order_relaxed) != nullptr; }

Recording::Recording(const RecordingOptions& options) : options_(options), before_(current.exchange(this)) {}
Recording::~Recording() { current = before_; }
Recording* Recording::active() { return current; }

std::vector<LaunchRecord> Recording::launches() const {
  const std::lock_guard lock(mutex_);
  return launches_;
}

Traffic& Traffic::operator+=(const Traffic& other) {
  requests += other.requests;
  bytes += other.bytes;
  sectors += other.sectors;
  ideal_sectors += other.ideal_sectors;
  return *this;
}

Traffic LaunchCounters::global() const {
  Traffic all = loads;
  all += stores;
  return all += atomics;
}

LaunchCounters& LaunchCounters::operator+=(const LaunchCounters& other) {
  launches += other.launches;
  blocks += other.blocks;
  threads += other.threads;
  loads += other.loads;
  stores += other.stores;
  atomics += other.atomics;
  shared_requests += other.shared_requests;
  shared_passes += other.shared_passes;
  bank_conflicts += other.bank_conflicts;
  barriers += other.barriers;
  cluster_barriers += other.cluster_barriers;
  grid_barriers += other.grid_barriers;
  warp_operations += other.warp_operations;
  matrix_products += other.matrix_products;
  divergent_branches += other.divergent_branches;
  return *this;
}

std::vector<LaunchCounters> sum_by_kernel(const std::vector<LaunchRecord>& launches) {
  std::vector<LaunchCounters> kernels;
  for (const LaunchRecord& launch : launches) {
    const auto same = std::find_if(kernels.begin(), kernels.end(), [&](const LaunchCounters& kernel) {
      return kernel.name == launch.counters.name;
    });
    if (same == kernels.end())
      kernels.push_back(launch.counters);
    else
      *same += launch.counters;
  }
  return kernels;
}

std::string Race::str() const { return fmt::format("{}: {}; {}", memory, first, second); }

void require_no_races(const std::vector<LaunchRecord>& launches) {
  for (const LaunchRecord& launch : launches) {
    if (launch.races.empty()) continue;
    std::string text;
    for (const Race& race : launch.races) text += "\n  " + race.str();
    throw CheckFailed("[{}] {} races, pairs of accesses that no barrier orders:{}", launch.counters.name,
                      launch.n_races, text);
  }
}

RecordedLaunch::RecordedLaunch(Recording& recording, const Launch& launch)
    : recording_(recording), launch_(launch) {
  const dim3 &grid = launch.grid, &block = launch.block;
  const size_t n_blocks = size_t{grid.x} * grid.y * grid.z;
  LaunchCounters& counters = record_.counters;
  counters.name = launch.name;
  counters.grid = {grid.x, grid.y, grid.z};
  counters.block = {block.x, block.y, block.z};
  counters.launches = 1;
  counters.blocks = static_cast<int64_t>(n_blocks);
  counters.threads = counters.blocks * block.x * block.y * block.z;
  if (launch.cooperative) grid_epoch_.resize(n_blocks);
  if (launch.cluster.x * launch.cluster.y * launch.cluster.z > 1) cluster_epoch_.resize(n_blocks);
}

std::unique_ptr<BlockTrace> RecordedLaunch::begin_block(int64_t number,
                                                        std::shared_ptr<Shadow> shared) const {
  auto trace = std::make_unique<BlockTrace>(
      number, size_t{launch_.block.x} * launch_.block.y * launch_.block.z, std::move(shared));
  for (size_t t = 0; t < trace->clocks.size(); ++t) trace->clocks[t][t % warpSize] = 1;
  return trace;
}

void RecordedLaunch::block_barrier(BlockTrace& block) {
  ++record_.counters.barriers;
  count(block);
  ++block.epoch;
}

void RecordedLaunch::cluster_barrier(BlockTrace& block) {
  ++record_.counters.cluster_barriers;
  count(block);
  ++block.epoch;
  if (!cluster_epoch_.empty()) cluster_epoch_[static_cast<size_t>(block.number)] = block.epoch;
}

void RecordedLaunch::grid_barrier(BlockTrace& block) {
  if (block.number == 0) ++record_.counters.grid_barriers;
  count(block);
  grid_epoch_[static_cast<size_t>(block.number)] = ++block.epoch;
}

void RecordedLaunch::warp_barrier(BlockTrace& block, int first_thread, unsigned mask) {
  std::array<uint32_t, warpSize> all{};
  const auto of_lane = [&](int lane) -> std::array<uint32_t, warpSize>& {
    return block.clocks[static_cast<size_t>(first_thread + lane)];
  };
  for (int lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1U)) continue;
    for (size_t i = 0; i < all.size(); ++i) all[i] = std::max(all[i], of_lane(lane)[i]);
  }
  for (int lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1U)) continue;
    of_lane(lane) = all;
    ++of_lane(lane)[static_cast<size_t>(lane)];
  }
}

void RecordedLaunch::end_block(BlockTrace& block) { count(block); }

uint16_t RecordedLaunch::site_of(uint64_t key, Where where) {
  const auto [found, is_new] =
      site_numbers_.try_emplace(key, static_cast<uint16_t>(std::min(sites_.size(), kMaxSites - 1)));
  if (is_new && sites_.size() < kMaxSites) {
    sites_.push_back(where);
    site_order_.push_back(uint64_t{where.line()} << 32 | where.column());
  }
  return found->second;
}

void RecordedLaunch::access(BlockTrace& block, int thread, const AccessAt& at) {
  const uint16_t site = site_of(reinterpret_cast<uint64_t>(at.site), at.where);
  if (recording_.options_.races) {
    check_races(block, thread, at, site);
    if (at.access == Access::update) pass_on(block, thread, at.address);
  }
  if (!recording_.options_.counters) return;
  constexpr size_t kWidest = 16;  // what one instruction moves; a larger struct takes several
  for (size_t first = 0; first < at.bytes; first += kWidest) {
    block.events[static_cast<size_t>(thread)].push_back(
        {.address = reinterpret_cast<uintptr_t>(at.address) + first,
         .site = site,
         .kind = at.memory == Memory::shared ? Event::Kind::shared_access : Event::Kind::access,
         .access = at.access,
         .bytes = static_cast<uint8_t>(std::min(at.bytes - first, kWidest))});
  }
}

void RecordedLaunch::warp_operation(BlockTrace& block, int thread, Where where) {
  if (!recording_.options_.counters) return;
  block.events[static_cast<size_t>(thread)].push_back(
      {.site = site_of(kNoCode | uint64_t{where.line()} << 16 | (where.column() & 0xFFFF), where),
       .kind = Event::Kind::warp_operation});
}

void RecordedLaunch::count(BlockTrace& block) {
  const std::span<std::vector<Event>> events(block.events);
  for (size_t warp = 0; warp < events.size(); warp += warpSize)
    count_warp(events.subspan(warp, std::min<size_t>(warpSize, events.size() - warp)), site_order_,
               record_.counters);
  for (std::vector<Event>& of_thread : events) of_thread.clear();
}

void RecordedLaunch::check_races(BlockTrace& block, int thread, const AccessAt& at, uint16_t site) {
  Mark now;
  now.block = static_cast<uint32_t>(block.number);
  now.epoch = block.epoch;
  now.clock = block.clocks[static_cast<size_t>(thread)][static_cast<size_t>(thread % warpSize)];
  now.site = site;
  now.thread = static_cast<uint16_t>(thread & 1023);
  now.access = static_cast<uint16_t>(static_cast<unsigned>(at.access) & 3U);
  Shadow& shadow = at.memory == Memory::shared ? *block.shared : global_;
  const auto begin = reinterpret_cast<uintptr_t>(at.address), end = begin + at.bytes;
  for (uintptr_t word = begin / 4; word * 4 < end; ++word) {
    unsigned bytes = 0;
    for (uintptr_t byte = 0; byte < 4; ++byte) {
      if (word * 4 + byte >= begin && word * 4 + byte < end) bytes |= 1U << byte;
    }
    now.bytes = bytes & 15U;
    shadow.enter(
        word, now, [&](const Mark& past) { return ordered(past, now, block); },
        [&](const Mark& past) { add_race(past, now, at); });
  }
}

// An atomic operation: what others had done before theirs on this address is done, and after a fence so is
// what this thread knows to be.
void RecordedLaunch::pass_on(BlockTrace& block, int thread, const void* address) {
  const auto there = released_.find(address);
  if (there == released_.end() && !block.fenced[static_cast<size_t>(thread)]) return;
  const auto merge = [](Released& into, const Released& from) {
    for (const auto& [number, progress] : from) {
      Progress& known = into[number];
      if (progress.epoch >= known.epoch) known = progress;
    }
  };
  if (there != released_.end()) merge(block.acquired, there->second);
  if (!block.fenced[static_cast<size_t>(thread)]) return;
  Released& released = released_[address];
  merge(released, block.acquired);
  auto& clocks = block.clocks[static_cast<size_t>(thread)];
  released[static_cast<uint32_t>(block.number)] = {block.epoch, static_cast<uint16_t>(thread / warpSize),
                                                   clocks};
  ++clocks[static_cast<size_t>(thread % warpSize)];  // what it does from here on is later
}

// Whether `past`, of another thread, comes before `now` in every run.
bool RecordedLaunch::ordered(const Mark& past, const Mark& now, const BlockTrace& block) const {
  if (past.block != now.block) {
    if (!grid_epoch_.empty() && past.epoch < grid_epoch_[past.block]) return true;
    if (!cluster_epoch_.empty() && past.epoch < cluster_epoch_[past.block] &&
        cluster_number(past.block, launch_) == cluster_number(now.block, launch_))
      return true;
    const auto known = block.acquired.find(past.block);
    if (known == block.acquired.end()) return false;
    const Progress& progress = known->second;
    return past.epoch < progress.epoch ||
           (past.epoch == progress.epoch && past.thread / warpSize == progress.warp &&
            past.clock <= progress.clocks[past.thread % warpSize]);
  }
  if (past.epoch < now.epoch) return true;
  if (past.thread / warpSize != now.thread / warpSize) return false;
  return past.clock <= block.clocks[now.thread][past.thread % warpSize];
}

std::string RecordedLaunch::side_str(const Mark& mark) const {
  return fmt::format("block {}, thread {} {} it at {}", index_str(index_of(mark.block, launch_.grid)),
                     index_str(index_of(mark.thread, launch_.block)), verb(static_cast<Access>(mark.access)),
                     where_str(sites_[mark.site]));
}

void RecordedLaunch::add_race(const Mark& past, const Mark& now, const AccessAt& at) {
  ++record_.n_races;
  const std::pair<uint16_t, uint16_t> sites(past.site, now.site);
  if (record_.races.size() == LaunchRecord::kMaxRaces) return;
  if (std::find(reported_.begin(), reported_.end(), sites) != reported_.end()) return;
  reported_.push_back(sites);
  record_.races.push_back(
      {.memory = at.memory == Memory::shared ? shared_str(at.address) : buffer_str(at.element, at.size),
       .first = side_str(past),
       .second = side_str(now)});
}

void RecordedLaunch::finish() {
  const std::lock_guard lock(recording_.mutex_);
  recording_.launches_.push_back(std::move(record_));
}

}  // namespace primal::simt
