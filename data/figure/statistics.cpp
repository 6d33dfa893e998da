// What charts compute from values: bins of a histogram, and the numbers of a box plot.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/figure/figure.h"
#include "tensor/error.h"

namespace primal {
namespace {

std::vector<double> finite_sorted(const std::vector<double>& values) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  std::ranges::sort(finite);
  return finite;
}

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

}  // namespace

Bars histogram(const std::vector<double>& values, int64_t n_bins, const std::string& name) {
  if (n_bins < 1) throw ShapeError("[figure] a histogram of {} bins: expected 1 or more", n_bins);
  const std::vector<double> finite = finite_sorted(values);
  Bars bars{.name = name};
  if (finite.empty()) return bars;
  double low = finite.front(), high = finite.back();
  if (!(high > low)) low -= 0.5, high += 0.5;  // one value: its bin around it
  const auto n = static_cast<double>(n_bins);
  bars.height.assign(static_cast<size_t>(n_bins), 0.0);
  for (int64_t b = 0; b < n_bins; ++b) {
    bars.left.push_back(low + (high - low) * (static_cast<double>(b) / n));
    bars.right.push_back(low + (high - low) * (static_cast<double>(b + 1) / n));
  }
  for (const double v : finite) {
    const auto bin = static_cast<int64_t>((v - low) / (high - low) * n);
    bars.height[static_cast<size_t>(std::clamp<int64_t>(bin, 0, n_bins - 1))] += 1.0;
  }
  return bars;
}

Bars category_bars(const std::vector<double>& heights, const std::string& name, size_t i, size_t n) {
  constexpr double kFilled = 0.8;  // share of a category's room
  if (i >= n) throw ShapeError("[figure] bars of series {} of {}", i, n);
  const double width = kFilled / static_cast<double>(n);
  Bars bars{.name = name};
  for (size_t k = 0; k < heights.size(); ++k) {
    bars.left.push_back(static_cast<double>(k + 1) - kFilled / 2.0 + width * static_cast<double>(i));
    bars.right.push_back(bars.left.back() + width);
  }
  bars.height = heights;
  return bars;
}

std::optional<BoxStatistics> box_statistics(const std::vector<double>& values) {
  const std::vector<double> v = finite_sorted(values);
  if (v.empty()) return std::nullopt;
  BoxStatistics s{};
  s.low_quartile = quantile(v, 0.25);
  s.median = quantile(v, 0.5);
  s.high_quartile = quantile(v, 0.75);
  s.mean = std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  const double reach = 1.5 * (s.high_quartile - s.low_quartile);
  s.low_whisker = s.low_quartile, s.high_whisker = s.high_quartile;
  for (const double value : v) {
    if (value < s.low_quartile - reach || value > s.high_quartile + reach) {
      s.outliers.push_back(value);
      continue;
    }
    s.low_whisker = std::min(s.low_whisker, value);
    s.high_whisker = std::max(s.high_whisker, value);
  }
  return s;
}

}  // namespace primal
