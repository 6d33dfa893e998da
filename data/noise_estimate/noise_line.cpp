#include "data/noise_estimate/noise_line.h"

#include <algorithm>
#include <cmath>

namespace primal {
namespace {

constexpr int64_t kMaxClasses = 24, kBlocksOfAClass = 400;

NoiseLine::Class class_of(const BlockSpectra& spectra, const std::vector<int64_t>& blocks) {
  double sum = 0.0;
  for (const int64_t k : blocks) sum += static_cast<double>(spectra.mean[static_cast<size_t>(k)]);
  const BlockNoise noise = noise_of(spectra, blocks);
  return {sum / static_cast<double>(blocks.size()), noise.sigma * noise.sigma,
          2.0 * noise.sigma * noise.standard_error};
}

// Weighted least squares.
void fit(const std::vector<double>& weights, NoiseLine& line) {
  double w = 0.0, wx = 0.0, wy = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    w += weights[i];
    wx += weights[i] * line.classes[i].mean;
    wy += weights[i] * line.classes[i].variance;
  }
  if (!(w > 0.0)) return;
  const double centre = wx / w, middle = wy / w;
  double xx = 0.0, xy = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double x = line.classes[i].mean - centre;
    xx += weights[i] * x * x;
    xy += weights[i] * x * (line.classes[i].variance - middle);
  }
  // Means that differ by rounding alone say nothing about a slope.
  line.b = xx > 1e-12 * w ? xy / xx : 0.0;
  line.a = middle - line.b * centre;
}

// Weights against outliers, from the residuals in standard errors. Texture only ever adds to the variance of
// a class: one far above the line counts for nothing in the end (Cauchy's weights), one far below pulls with
// constant force (Huber's).
std::vector<double> robust_weights(const NoiseLine& line, const std::vector<double>& base) {
  constexpr double kAbove = 2.0, kBelow = 1.345;
  std::vector<double> weights = base;
  for (size_t i = 0; i < base.size(); ++i) {
    const NoiseLine::Class& c = line.classes[i];
    const double residual = (c.variance - line.variance_at(c.mean)) * std::sqrt(base[i]);
    weights[i] *= residual > 0.0 ? 1.0 / (1.0 + std::pow(residual / kAbove, 2))
                                 : std::min(1.0, kBelow / std::max(-residual, kBelow));
  }
  return weights;
}

}  // namespace

NoiseLine noise_line_of(const BlockSpectra& spectra, std::vector<int64_t> blocks) {
  constexpr int kRounds = 30;
  NoiseLine line;
  if (blocks.empty()) return line;
  std::ranges::sort(blocks, [&](int64_t i, int64_t j) {
    const float a = spectra.mean[static_cast<size_t>(i)], b = spectra.mean[static_cast<size_t>(j)];
    return a != b ? a < b : i < j;
  });
  const int64_t n = std::ssize(blocks), n_classes = std::clamp<int64_t>(n / kBlocksOfAClass, 1, kMaxClasses);
  double floor = 0.0;
  for (int64_t c = 0; c < n_classes; ++c) {
    const auto begin = blocks.begin() + n * c / n_classes, end = blocks.begin() + n * (c + 1) / n_classes;
    line.classes.push_back(class_of(spectra, {begin, end}));
    floor = std::max(floor, 1e-3 * line.classes.back().standard_error);
  }
  // A class without noise would have all the weight.
  std::vector<double> base;
  for (const NoiseLine::Class& c : line.classes)
    base.push_back(floor > 0.0 ? 1.0 / std::pow(std::max(c.standard_error, floor), 2) : 1.0);
  fit(base, line);
  for (int round = 0; round < kRounds && line.classes.size() > 2; ++round)
    fit(robust_weights(line, base), line);
  return line;
}

}  // namespace primal
