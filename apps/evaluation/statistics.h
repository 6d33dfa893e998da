// Statistics of paired scores.
//
//   bootstrap_interval   percentile interval of the mean: the mean of N values drawn with replacement,
//                        n_resamples times; its (1 - level)/2 and (1 + level)/2 quantiles, between neighbours
//                        linearly. Draw i of resample r is element r N + i of the stream (seed, bootstrap),
//                        so two scores of the same pictures are resampled alike, on any machine.
// Only the finite values count (data/metrics/score_summary.h, which has mean and deviation); the interval of
// fewer than two of them is NaN.
// Errors:  ShapeError for no values.
// Source:  B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
#pragma once

#include <cstdint>
#include <span>

namespace primal {

struct Interval {
  double low = 0.0, high = 0.0;
};
Interval bootstrap_interval(std::span<const double> values, uint64_t seed, int64_t n_resamples = 10000,
                            double level = 0.95);

}  // namespace primal
