#include "data/noise_estimate/noise_estimate.h"

#include <algorithm>
#include <cmath>

#include "data/noise_estimate/block_spectra.h"
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
Found find(std::span<const T> picture, int64_t height, int64_t width) {
  constexpr int kMaxRounds = 10;
  Found found;
  const auto [least, greatest] = std::ranges::minmax(picture);
  if (least == greatest) return found;
  const ClippedEnds ends = clipped_ends(picture);
  found.spectra = block_spectra(picture, height, width, ends);
  NoiseEstimate& e = found.estimate;
  e.clipped = ends.share;
  // Which blocks are too close to a clipped end depends on sigma, whose first value is from all of them.
  for (int round = 0; round < kMaxRounds; ++round) {
    const double before = e.sigma;
    std::vector<int64_t> blocks = unclipped_blocks(found.spectra, ends, before);
    e.is_reliable = std::ssize(blocks) >= kFewBlocks;
    if (!e.is_reliable && round > 0) break;
    const BlockNoise noise = noise_of(found.spectra, blocks);
    e.sigma = noise.sigma;
    e.standard_error = noise.standard_error;
    e.n_blocks = noise.n_blocks;
    found.blocks = std::move(blocks);
    if (ends.share == 0.0 || std::abs(e.sigma - before) <= 1e-3 * before) break;
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
    found = find(z.span<const T>().subspan(static_cast<size_t>(i) * area, area), height, width);
  });
  return found;
}

void check_one_picture(const Tensor& z) {
  if (z.numel() != z.size(-2) * z.size(-1))
    throw ShapeError("[noise_estimate] expects one picture, found {}", z.str());
}

}  // namespace

std::vector<NoiseEstimate> estimate_noise_per_channel(const Tensor& z) {
  const Tensor here = checked(z);
  std::vector<NoiseEstimate> estimates;
  for (int64_t i = 0; i < z.numel() / (z.size(-2) * z.size(-1)); ++i)
    estimates.push_back(find_in(here, i).estimate);
  return estimates;
}

NoiseEstimate estimate_noise(const Tensor& z) {
  const Tensor here = checked(z);
  check_one_picture(z);
  return find_in(here, 0).estimate;
}

NoiseLine estimate_noise_line(const Tensor& z) {
  const Tensor here = checked(z);
  check_one_picture(z);
  const Found found = find_in(here, 0);
  return noise_line_of(found.spectra, found.blocks);
}

double clean_deviation(double noisy_deviation, double sigma) {
  return std::sqrt(std::max(noisy_deviation * noisy_deviation - sigma * sigma, 0.0));
}

}  // namespace primal
