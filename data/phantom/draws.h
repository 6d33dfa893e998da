// Random numbers for a phantom, one after the other: those of picture `index` depend on the seed, the
// stream and the index alone.
#pragma once

#include <cstdint>
#include <numbers>

#include "tensor/random.h"

namespace primal {

inline constexpr double kTurn = 2.0 * std::numbers::pi;  // once round

class Draws {
 public:
  Draws(uint64_t seed, uint32_t stream, uint32_t index)
      : stream_(seed, RandomPurpose::phantom, stream, index) {}
  double in(double low, double high) { return low + (high - low) * stream_.uniform(next_++); }
  int whole(int low, int high) { return low + static_cast<int>(in(0.0, high - low + 1)); }  // low .. high
  uint32_t bits() { return stream_.bits(next_++); }

 private:
  RandomStream stream_;
  uint64_t next_ = 0;
};

}  // namespace primal
