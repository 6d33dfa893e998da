#include "data/figure/axis_scale.h"

#include <algorithm>
#include <cmath>

#include "data/figure/ticks.h"

namespace primal {

AxisScale::AxisScale(const AxisOptions& options, const std::vector<double>& values, double margin)
    : categories_(options.categories), margin_(margin) {
  const auto is_positive = [](double v) { return std::isfinite(v) && v > 0.0; };
  logarithmic_ = options.logarithmic && std::ranges::any_of(values, is_positive);
  double low = INFINITY, high = -INFINITY;
  for (const double value : values) {
    if (!shows(value)) continue;
    low = std::min(low, scaled(value));
    high = std::max(high, scaled(value));
  }
  is_empty_ = !(low <= high);
  if (is_empty_) low = 0.0, high = 1.0;
  greatest_ = high;
  if (!categories_.empty()) {
    low_ = 0.5;
    high_ = static_cast<double>(categories_.size()) + 0.5;
    return;
  }
  const double alone =
      logarithmic_ ? 0.5 : std::max(std::abs(low), 1.0) * 0.05;  // one value gets room on both sides
  const double more =
      high - low > 1e-12 * std::max(std::abs(low), std::abs(high)) ? margin * (high - low) : alone;
  low_ = options.low && shows(*options.low) ? scaled(*options.low) : low - more;
  high_ = options.high && shows(*options.high) ? scaled(*options.high) : high + more;
  if (!(high_ > low_)) high_ = low_ + 1.0;
}

bool AxisScale::shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0.0); }

double AxisScale::scaled(double value) const { return logarithmic_ ? std::log10(value) : value; }

double AxisScale::share(double value) const {
  if (logarithmic_ && !(value > 0.0)) return 0.0;
  return (scaled(value) - low_) / (high_ - low_);
}

double AxisScale::low() const { return logarithmic_ ? std::pow(10.0, low_) : low_; }
double AxisScale::high() const { return logarithmic_ ? std::pow(10.0, high_) : high_; }

std::vector<Tick> AxisScale::ticks(int n) const {
  std::vector<Tick> ticks;
  for (size_t i = 0; i < categories_.size(); ++i)
    ticks.push_back({share(static_cast<double>(i + 1)), categories_[i]});
  if (!ticks.empty()) return ticks;
  std::vector<double> values;
  if (logarithmic_) values = log_ticks(low(), high());
  if (2 * static_cast<int>(values.size()) > 3 * n) {
    std::erase_if(values,
                  [](double v) { return std::abs(std::log10(v) - std::round(std::log10(v))) > 1e-9; });
  }
  if (values.size() < 3)
    values = round_ticks(low(), high(), n);  // linear, or logarithmic over less than a decade
  const std::vector<std::string> texts = tick_texts(values);
  for (size_t i = 0; i < values.size(); ++i) {
    if (shows(values[i])) ticks.push_back({share(values[i]), texts[i]});
  }
  return ticks;
}

void AxisScale::raise_low_to(double value) {
  if (!shows(value) || !(scaled(value) > low_) || !(scaled(value) < greatest_)) return;
  low_ = scaled(value);
  high_ = greatest_ + margin_ * (greatest_ - low_);
}

void AxisScale::keep_zero_at_the_end() {
  if (logarithmic_) return;
  if (low_ < 0.0 && high_ > 0.0 && -low_ <= 0.06 * (high_ - low_)) low_ = 0.0;
  if (low_ < 0.0 && high_ > 0.0 && high_ <= 0.06 * (high_ - low_)) high_ = 0.0;
}

}  // namespace primal
