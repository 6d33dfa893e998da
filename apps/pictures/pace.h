// How often progress is reported: first after a while, then at intervals; more often on a terminal, where
// a line replaces the last.
#pragma once

#include <chrono>

namespace primal {

struct Pace {
  std::chrono::milliseconds first, every;
};
inline constexpr Pace kPaceOnTerminal{std::chrono::seconds(1), std::chrono::milliseconds(200)};
inline constexpr Pace kPaceElsewhere{std::chrono::seconds(10), std::chrono::seconds(30)};

}  // namespace primal
