#include "data/metrics/score_summary.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace primal {

std::vector<double> finite_of(std::span<const double> values) {
  std::vector<double> finite;
  for (const double v : values) {
    if (std::isfinite(v)) finite.push_back(v);
  }
  return finite;
}

ScoreSummary summarise_scores(std::span<const double> values) {
  ScoreSummary summary;
  for (const double v : values) {
    summary.n_infinite += std::isinf(v) ? 1 : 0;
    summary.n_nan += std::isnan(v) ? 1 : 0;
  }
  const std::vector<double> finite = finite_of(values);
  summary.n_finite = std::ssize(finite);
  const auto n = static_cast<double>(finite.size());
  const double none = std::numeric_limits<double>::quiet_NaN();
  double squares = 0.0;
  for (const double v : finite) summary.mean += v / n;
  for (const double v : finite) squares += (v - summary.mean) * (v - summary.mean);
  if (finite.empty()) summary.mean = none;
  summary.deviation = finite.size() > 1 ? std::sqrt(squares / (n - 1.0)) : none;
  return summary;
}

std::string remark_of(const std::string& score, const ScoreSummary& s) {
  if (s.all_finite()) return "";
  std::string text = score + ":";
  if (s.n_infinite > 0) text += fmt::format(" {} of {} infinite (equal pictures)", s.n_infinite, s.n());
  if (s.n_nan > 0)
    text += fmt::format("{} {} of {} not a number", s.n_infinite > 0 ? "," : "", s.n_nan, s.n());
  return text + (s.has_mean() ? fmt::format(", the mean is over {}", s.n_finite) : ", so there is no mean");
}

}  // namespace primal
