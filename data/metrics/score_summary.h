// ScoreSummary: one score of several pictures, summed up by one rule wherever a command reports more than one
// value.
//
//   The PSNR of equal pictures is infinite, so one of them would turn every mean into infinity and
//   end every comparison. Infinite values are therefore counted, and the mean and the deviation are
//   those of the finite ones:
//
//     mean       (1/n) sum v              over the n finite values; NaN where there is none
//     deviation  sqrt(sum (v - mean)^2 / (n - 1)), the sample deviation; NaN for fewer than two finite values
//
//   The same holds for differences of scores (a PSNR of infinity against a finite one) and for values
//   that are no number. Files and reports write what is not finite as null in JSON, as an empty field
//   where a mean has no value in CSV, and as `inf` in the rows of single pictures there; they never hold
//   the bare words NaN or Infinity.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace primal {

struct ScoreSummary {
  int64_t n_finite = 0, n_infinite = 0, n_nan = 0;
  double mean = 0.0, deviation = 0.0;

  int64_t n() const { return n_finite + n_infinite + n_nan; }
  bool all_finite() const { return n_finite == n(); }
  bool has_mean() const { return n_finite > 0; }
};

ScoreSummary summarise_scores(std::span<const double> values);

// The finite ones of the values, in their order.
std::vector<double> finite_of(std::span<const double> values);

// What a reader of the mean has to know: "PSNR: 1 of 3 infinite, the mean is over 2"; empty where all are
// finite.
std::string remark_of(const std::string& score, const ScoreSummary& summary);

}  // namespace primal
