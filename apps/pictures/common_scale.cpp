#include "apps/pictures/common_scale.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "tensor/error.h"

namespace primal {
namespace {

// Noise adds to the magnitude of a picture, though never so much that scores would mean anything.
constexpr double kMostBetween = 10.0;

bool has_levels(const ScaledPicture& picture) { return picture.white > 0.0; }

bool is_mixed(const ScaledPicture& noisy, const ScaledPicture& clean) {
  return has_levels(noisy) != has_levels(clean);
}

std::string scale_text(const ScaledPicture& picture) {
  return has_levels(picture)
             ? fmt::format("has levels from 0 to {:g} ({})", picture.white, name_of(picture.type))
             : fmt::format("has values in a unit of its own ({})", name_of(picture.type));
}

}  // namespace

double mean_magnitude(const Raster& raster) {
  double sum = 0.0;
  for (int64_t p = 0; p < raster.pages; ++p) {
    dispatch_sample(raster.type, [&]<class T>() {
      for (const T sample : raster.page<T>(p))
        sum += std::abs(raster.slope * value_of(sample) + raster.offset);
    });
  }
  return sum / static_cast<double>(raster.n_samples());
}

LevelRange range_of_clean(const LevelRange& range, const ScaledPicture& noisy, const Levels& noisy_levels,
                          const ScaledPicture& clean) {
  if (is_mixed(noisy, clean) && range.kind != LevelRange::Kind::given) {
    throw DataError(
        "[--clean] {} {}, but its clean picture {} {}: scores need one scale. Save both with one type of "
        "samples or, if both have the same unit, say with --range LO:HI which values are black and white, "
        "for example --range 0:{:g}",
        noisy.name, scale_text(noisy), clean.name, scale_text(clean), std::max(noisy.white, clean.white));
  }
  return same_range(range, noisy_levels, has_levels(noisy));
}

void check_common_unit(const LevelRange& range, const ScaledPicture& noisy, const ScaledPicture& clean) {
  if (!is_mixed(noisy, clean)) return;
  const auto [less, more] = std::minmax(noisy.mean_magnitude, clean.mean_magnitude);
  if (less == 0.0 || more <= kMostBetween * less) return;  // a black picture has every unit
  throw DataError(
      "[--clean] {} {}, its clean picture {} {}, and the mean magnitudes of their values are {:.3g} and "
      "{:.3g}: these are different units, for which --range {:g}:{:g} is no common scale. Save both with one "
      "type of samples",
      noisy.name, scale_text(noisy), clean.name, scale_text(clean), noisy.mean_magnitude,
      clean.mean_magnitude, range.low, range.high);
}

}  // namespace primal
