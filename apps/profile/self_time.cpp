#include "apps/profile/self_time.h"

#include <map>

namespace primal {

std::vector<SelfTime> self_times(const std::vector<RangeRecord>& records) {
  // A range closes after the ranges inside it: what has closed one level deeper since is inside.
  struct Inside {
    double us = 0.0;
    bool any = false;
  };
  std::map<std::pair<int, int>, Inside> inside;  // by thread and depth
  std::vector<SelfTime> times;
  for (const RangeRecord& record : records) {
    const Inside children = inside[{record.thread, record.depth + 1}];
    inside[{record.thread, record.depth + 1}] = {};
    times.push_back({record.duration_us - children.us, children.any});
    Inside& around = inside[{record.thread, record.depth}];
    around.us += record.duration_us;
    around.any = true;
  }
  return times;
}

}  // namespace primal
