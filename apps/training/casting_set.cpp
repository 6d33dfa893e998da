#include "apps/training/casting_set.h"

#include <fmt/format.h>

#include "data/noise/noise_types.h"
#include "data/phantom/castings.h"
#include "data/preprocess/preprocess.h"

namespace primal {

CastingSet::CastingSet(uint64_t seed, int64_t n, int64_t size, uint32_t first, bool with_noise)
    : Dataset(n, size, kCacheBytes), seed_(seed), first_(first), with_noise_(with_noise) {}

std::string CastingSet::name(int64_t i) const { return fmt::format("casting-{:06}", index(i)); }

int64_t CastingSet::defect_label(int64_t i) const {
  return casting_defect(seed_, index(i)) == CastingDefect::none ? 1 : 0;
}

int64_t CastingSet::noise_label(int64_t i) const { return i % std::ssize(kNoiseTypes); }

Image CastingSet::load(int64_t i) const {
  const Tensor casting = make_casting(seed_, index(i), picture_size());
  if (!with_noise_) return to_image(casting);
  const TypedNoise noise{.type = kNoiseTypes[static_cast<size_t>(noise_label(i))]};
  return to_image(add_noise(casting, noise, NoiseKey{seed_, 0, index(i)}));
}

}  // namespace primal
