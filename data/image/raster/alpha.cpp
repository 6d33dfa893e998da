#include "data/image/raster/alpha.h"

#include <cstring>
#include <limits>

#include "data/image/raster/raster.h"

namespace primal {

double opaque(SampleType type) {
  return dispatch_sample(type, []<class T>() {
    if constexpr (std::is_integral_v<T>)
      return static_cast<double>(std::numeric_limits<T>::max());
    else
      return 1.0;
  });
}

std::vector<uint8_t> alpha_as(SampleType to, SampleType from, std::span<const uint8_t> alpha) {
  if (to == from) return {alpha.begin(), alpha.end()};
  const double scale = opaque(to) / opaque(from);
  const size_t n = alpha.size() / bytes_of(from);
  std::vector<uint8_t> out(n * bytes_of(to));
  dispatch_sample(from, [&]<class From>() {
    dispatch_sample(to, [&]<class To>() {
      for (size_t i = 0; i < n; ++i) {
        From sample;
        std::memcpy(&sample, alpha.data() + i * sizeof(From), sizeof(From));
        const double value = std::clamp(value_of(sample) * scale, 0.0, opaque(to));
        const To result = sample_of<To>(std::isnan(value) ? opaque(to) : value);
        std::memcpy(out.data() + i * sizeof(To), &result, sizeof(To));
      }
    });
  });
  return out;
}

Raster with_straight_colours(Raster raster) {
  if (!raster.alpha_is_associated) return raster;
  const double most = opaque(raster.type);
  dispatch_sample(raster.type, [&]<class T>() {
    auto* const samples = reinterpret_cast<T*>(raster.samples.data());
    const auto* const alpha = reinterpret_cast<const T*>(raster.alpha.data());
    const auto channels = static_cast<size_t>(raster.channels);
    for (size_t i = 0; i < raster.n_samples(); ++i) {
      const double share = value_of(alpha[i / channels]) / most;
      // Nothing is seen where alpha is 0, and nothing is known of the colour.
      samples[i] = sample_of<T>(share > 0.0 ? value_of(samples[i]) / share : 0.0);
    }
  });
  raster.alpha_is_associated = false;
  return raster;
}

}  // namespace primal
