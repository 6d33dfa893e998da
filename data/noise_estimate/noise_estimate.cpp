#include "data/noise_estimate/noise_estimate.h"

#include <algorithm>
#include <cmath>

#include "data/noise_estimate/block_spectra.h"
#include "data/noise_estimate/local_noise.h"
#include "data/noise_estimate/noise_line.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The estimate, and what a line is fitted to: the blocks that are far enough from a clipped end.
struct Found {
  NoiseEstimate estimate;
  BlockSpectra spectra;
  std::vector<int64_t> blocks;
};

template <class T>
Found find(std::span<const T> picture, int64_t height, int64_t width,
           const std::vector<std::span<const T>>& origins, double scale) {
  constexpr int kMaxRounds = 10;
  Found found;
  const auto [least, greatest] = std::ranges::minmax(picture);
  if (least == greatest) return found;
  NoiseEstimate& e = found.estimate;
  std::vector<ClippedEnds> ends;
  std::vector<BlockOrigin<T>> with_ends;
  for (const std::span<const T> origin : origins) {
    ends.push_back(clipped_ends(origin));
    with_ends.push_back({origin, ends.back()});
    e.clipped = std::max(e.clipped, ends.back().share);
  }
  found.spectra = block_spectra(picture, height, width, with_ends);
  // Which blocks are too close to a clipped end depends on sigma, whose first value is from all of them.
  for (int round = 0; round < kMaxRounds; ++round) {
    const double before = e.sigma;
    std::vector<int64_t> blocks = unclipped_blocks(found.spectra, ends, before / scale);
    e.is_reliable = std::ssize(blocks) >= kFewBlocks;
    if (!e.is_reliable && round > 0) break;
    const BlockNoise noise = noise_of(found.spectra, blocks);
    e.sigma = noise.sigma;
    e.standard_error = noise.standard_error;
    e.n_blocks = noise.n_blocks;
    found.blocks = std::move(blocks);
    if (e.clipped == 0.0 || std::abs(e.sigma - before) <= 1e-3 * before) break;
  }
  return found;
}

Tensor checked(const Tensor& z) {
  if (!z.defined() || z.shape().rank() < 2 || (z.dtype() != DType::f32 && z.dtype() != DType::f64))
    throw ShapeError("[noise_estimate] expects [..., H, W] of f32 or f64, found {}", z.str());
  if (std::min(z.size(-2), z.size(-1)) < kMinNoiseSide) {
    throw ShapeError("[noise_estimate] needs pictures of {} x {} pixels at least, found {}", kMinNoiseSide,
                     kMinNoiseSide, z.str());
  }
  const Tensor here = z.to(Device{});
  dispatch_floating(z.dtype(), "noise_estimate", [&]<class T>() {
    const std::span<const T> all = here.span<const T>();
    const auto bad = std::ranges::find_if(all, [](T v) { return !std::isfinite(v); });
    if (bad != all.end()) {
      throw NumericError("[noise_estimate] element {} of {} is {}: expected finite values", bad - all.begin(),
                         z.str(), *bad);
    }
  });
  return here;
}

// What is found in picture number i of the leading axes.
Found find_in(const Tensor& z, int64_t i) {
  const int64_t height = z.size(-2), width = z.size(-1);
  Found found;
  dispatch_floating(z.dtype(), "noise_estimate", [&]<class T>() {
    const auto area = static_cast<size_t>(height * width);
    const std::span<const T> picture = z.span<const T>().subspan(static_cast<size_t>(i) * area, area);
    found = find<T>(picture, height, width, {picture}, 1.0);
  });
  return found;
}

// The root mean square of the deviations of pictures that are estimated each on its own.
double joint_sigma(const Tensor& pictures) {
  const int64_t n = pictures.numel() / (pictures.size(-2) * pictures.size(-1));
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += std::pow(find_in(pictures, i).estimate.sigma, 2);
  return std::sqrt(sum / static_cast<double>(n));
}

Found find_in_one(const Tensor& z, const NoiseOrigins& origins) {
  const Tensor here = checked(z);
  const int64_t area = z.size(-2) * z.size(-1);
  if (z.numel() != area) throw ShapeError("[noise_estimate] expects one picture, found {}", z.str());
  if (!origins.pictures.defined()) return find_in(here, 0);
  const Tensor from = checked(origins.pictures);
  if (from.dtype() != z.dtype() || from.size(-2) != z.size(-2) || from.size(-1) != z.size(-1))
    throw ShapeError("[noise_estimate] origins {} of {}", from.str(), z.str());
  if (!(origins.scale > 0.0) || !std::isfinite(origins.scale))
    throw ConfigError("[noise_estimate] the origins' scale must be above 0 and finite, found {}",
                      origins.scale);
  Found found;
  dispatch_floating(z.dtype(), "noise_estimate", [&]<class T>() {
    std::vector<std::span<const T>> pictures;
    for (int64_t begin = 0; begin < from.numel(); begin += area)
      pictures.push_back(from.span<const T>().subspan(static_cast<size_t>(begin), static_cast<size_t>(area)));
    found = find<T>(here.span<const T>(), z.size(-2), z.size(-1), pictures, origins.scale);
  });
  if (!found.estimate.is_reliable) found.estimate.sigma = origins.scale * joint_sigma(from);
  return found;
}

}  // namespace

std::vector<NoiseEstimate> estimate_noise_per_channel(const Tensor& z) {
  const Tensor here = checked(z);
  std::vector<NoiseEstimate> estimates;
  for (int64_t i = 0; i < z.numel() / (z.size(-2) * z.size(-1)); ++i)
    estimates.push_back(find_in(here, i).estimate);
  return estimates;
}

NoiseEstimate estimate_noise(const Tensor& z, const NoiseOrigins& origins) {
  return find_in_one(z, origins).estimate;
}

NoiseModel estimate_noise_model(const Tensor& z, const NoiseOrigins& origins) {
  const Found found = find_in_one(z, origins);
  return {found.estimate, noise_line_of(found.spectra, found.blocks),
          found.spectra.size() > 0 ? local_noise_of(found.spectra, z.size(-2), z.size(-1)) : Tensor()};
}

NoiseLine estimate_noise_line(const Tensor& z) {
  const Found found = find_in_one(z, {});
  return noise_line_of(found.spectra, found.blocks);
}

double NoiseModel::variance_at(double intensity) const {
  const double mean = estimate.sigma * estimate.sigma;
  if (line.classes.empty() || line.b <= 0.0) return mean;
  const double within = std::clamp(intensity, line.classes.front().mean, line.classes.back().mean);
  return std::max(line.variance_at(within), kLeastShare * mean);
}

bool NoiseModel::is_known() const {
  constexpr double kMost = 1e18;  // its square is a float32
  return estimate.is_reliable && estimate.sigma >= kResolvedNoise && estimate.sigma < kMost;
}

double clean_deviation(double noisy_deviation, double sigma) {
  return std::sqrt(std::max(noisy_deviation * noisy_deviation - sigma * sigma, 0.0));
}

}  // namespace primal
