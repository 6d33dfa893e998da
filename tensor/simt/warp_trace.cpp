#include "tensor/simt/warp_trace.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace primal::simt {
namespace {

constexpr size_t kLanes = 32;
constexpr uintptr_t kSector = 32, kBank = 4, kBanks = 32;

using Lanes = unsigned;  // a bit each

// Calls use(lane) for each.
template <class Use>
void for_each_lane(Lanes lanes, const Use& use) {
  for (; lanes != 0; lanes &= lanes - 1) use(static_cast<size_t>(std::countr_zero(lanes)));
}

// Up to two numbers for each lane, each once.
class Distinct {
 public:
  void add(uintptr_t number) { numbers_[n_++] = number; }
  int64_t count() {
    const auto all = std::span(numbers_).first(n_);
    if (!std::ranges::is_sorted(all)) std::ranges::sort(all);
    return std::unique(all.begin(), all.end()) - all.begin();
  }

 private:
  std::array<uintptr_t, 2 * kLanes> numbers_;  // the first n_
  size_t n_ = 0;
};

class WarpReplay {
 public:
  WarpReplay(std::span<const std::vector<Event>> traces, std::span<const uint64_t> order,
             LaunchCounters& counters)
      : traces_(traces), order_(order), counters_(counters) {}

  void run() {
    const Lanes all = traces_.size() == kLanes ? ~0U : (1U << traces_.size()) - 1;
    Lanes active = 0;
    for_each_lane(all, [&](size_t l) { active |= ended(l) ? 0 : 1U << l; });
    count_partings(all);
    while (active != 0) {
      const Lanes together = next_group(active);
      execute(together);
      for_each_lane(together, [&](size_t l) {
        if (!left_.empty()) --left_[l * order_.size() + next(l).site];
        ++at_[l];
        if (ended(l)) active &= ~(1U << l);
      });
      count_partings(together);
    }
  }

 private:
  bool ended(size_t lane) const { return at_[lane] == traces_[lane].size(); }
  const Event& next(size_t lane) const { return traces_[lane][at_[lane]]; }
  static size_t first(Lanes lanes) { return static_cast<size_t>(std::countr_zero(lanes)); }

  // Those of the lanes whose next place is that of the first of them.
  Lanes like_first(Lanes lanes) const {
    const size_t f = first(lanes);
    Lanes like = 0;
    for_each_lane(lanes, [&](size_t l) {
      if (ended(l) == ended(f) && (ended(f) || next(l).site == next(f).site)) like |= 1U << l;
    });
    return like;
  }

  void count_partings(Lanes lanes) {
    for (lanes &= ~like_first(lanes); lanes != 0; lanes &= ~like_first(lanes)) ++counters_.divergent_branches;
  }

  Lanes next_group(Lanes active) {
    Lanes best = like_first(active);
    if (best == active) return best;
    if (left_.empty()) count_visits();
    bool best_waits = waits(best, active);
    for (Lanes rest = active & ~best; rest != 0;) {
      const Lanes group = like_first(rest);
      rest &= ~group;
      const bool group_waits = waits(group, active);
      if (group_waits != best_waits ? best_waits : goes_before(group, best)) {
        best = group;
        best_waits = group_waits;
      }
    }
    return best;
  }

  // Whether another lane still comes to the place where these are.
  bool waits(Lanes group, Lanes active) const {
    const uint16_t site = next(first(group)).site;
    bool any = false;
    for_each_lane(active & ~group, [&](size_t l) { any |= left_[l * order_.size() + site] > 0; });
    return any;
  }

  bool goes_before(Lanes a, Lanes b) const {
    const auto of = [&](Lanes group) {
      const size_t l = first(group), site = next(l).site, i = l * order_.size() + site;
      return std::pair(site, std::pair<uint64_t, uint64_t>(visits_[i] - left_[i], visits_[i]));
    };
    const auto [site_a, done_a] = of(a);
    const auto [site_b, done_b] = of(b);
    const uint64_t part_a = done_a.first * done_b.second, part_b = done_b.first * done_a.second;
    return part_a != part_b ? part_a < part_b : order_[site_a] < order_[site_b];
  }

  // Counts for each lane and place how many visits there are in all, and how many are left.
  void count_visits() {
    visits_.assign(traces_.size() * order_.size(), 0);
    left_.assign(visits_.size(), 0);
    for (size_t l = 0; l < traces_.size(); ++l) {
      for (size_t i = 0; i < traces_[l].size(); ++i) {
        const size_t at = l * order_.size() + traces_[l][i].site;
        ++visits_[at];
        if (i >= at_[l]) ++left_[at];
      }
    }
  }

  void execute(Lanes lanes) {
    const Event& event = next(first(lanes));
    switch (event.kind) {
      case Event::Kind::warp_operation:
        ++counters_.warp_operations;
        return;
      case Event::Kind::access:
        return count_sectors(lanes, event.access == Access::read    ? counters_.loads
                                    : event.access == Access::write ? counters_.stores
                                                                    : counters_.atomics);
      case Event::Kind::shared_access:
        return count_banks(lanes, event.bytes);
    }
  }

  void count_sectors(Lanes lanes, Traffic& traffic) const {
    Distinct sectors, addresses;
    uintptr_t bytes = 0;
    for_each_lane(lanes, [&](size_t l) {
      const Event& e = next(l);
      addresses.add(e.address);
      sectors.add(e.address / kSector);
      sectors.add((e.address + e.bytes - 1) / kSector);
      bytes = e.bytes;
      traffic.bytes += e.bytes;
    });
    ++traffic.requests;
    traffic.sectors += sectors.count();
    const auto distinct_bytes = addresses.count() * static_cast<int64_t>(bytes);
    traffic.ideal_sectors += (distinct_bytes + int64_t{kSector} - 1) / int64_t{kSector};
  }

  // A pass delivers one word of each bank, to as many lanes as want it: to 32 lanes, or 16 of 8 bytes,
  // or 8 of 16.
  void count_banks(Lanes lanes, size_t bytes) {
    ++counters_.shared_requests;
    const size_t n_parts = bytes <= 4 ? 1 : bytes <= 8 ? 2 : 4, lanes_in_part = kLanes / n_parts;
    for (size_t part = 0; part < n_parts; ++part) {
      const Lanes of_part =
          static_cast<Lanes>(((uint64_t{1} << lanes_in_part) - 1) << part * lanes_in_part) & lanes;
      if (of_part == 0) continue;
      std::array<Distinct, kBanks> words;
      for_each_lane(of_part, [&](size_t l) {
        const uintptr_t begin = next(l).address / kBank, end = (next(l).address + bytes - 1) / kBank;
        for (uintptr_t word = begin; word <= end; ++word) words[word % kBanks].add(word);
      });
      int64_t passes = 0;
      for (Distinct& of_bank : words) passes = std::max(passes, of_bank.count());
      counters_.shared_passes += passes;
      counters_.bank_conflicts += passes - 1;
    }
  }

  std::span<const std::vector<Event>> traces_;
  std::span<const uint64_t> order_;
  LaunchCounters& counters_;
  std::array<size_t, kLanes> at_{};
  std::vector<uint32_t> visits_, left_;  // once lanes have parted
};

}  // namespace

void count_warp(std::span<const std::vector<Event>> lanes, std::span<const uint64_t> order,
                LaunchCounters& counters) {
  WarpReplay(lanes, order, counters).run();
}

}  // namespace primal::simt
