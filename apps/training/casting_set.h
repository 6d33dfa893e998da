// Generated castings (data/phantom/castings.h) as a data set, clean or each with one of the types of noise in
// turn.
#pragma once

#include "data/dataset/dataset.h"

namespace primal {

class CastingSet : public Dataset {
 public:
  // n castings of size x size pixels, those from number `first` on of `seed`.
  CastingSet(uint64_t seed, int64_t n, int64_t size, uint32_t first, bool with_noise = false);

  std::string name(int64_t i) const override;
  int64_t defect_label(int64_t i) const;  // 0 with a defect, 1 ok
  int64_t noise_label(int64_t i) const;   // of kNoiseTypes (data/noise/noise_types.h)

 private:
  uint32_t index(int64_t i) const { return first_ + static_cast<uint32_t>(i); }
  Image load(int64_t i) const override;

  uint64_t seed_;
  uint32_t first_;
  bool with_noise_;
};

}  // namespace primal
