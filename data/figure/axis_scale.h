// One axis: which values it shows, where they lie, and its numbers.
#pragma once

#include <string>
#include <vector>

#include "data/figure/figure.h"

namespace primal {

struct Tick {
  double share;  // of the axis, from 0 at its low end to 1
  std::string text;
};

class AxisScale {
 public:
  // Takes its ends from the finite values, on a logarithmic axis the positive ones, plus `margin` of their
  // distance on both sides; a logarithmic axis without a positive value becomes linear.
  AxisScale(const AxisOptions& options, const std::vector<double>& values, double margin);

  bool shows(double value) const;
  double share(double value) const;            // may lie outside [0, 1]
  double low() const, high() const;            // as values
  bool is_empty() const { return is_empty_; }  // no value was shown
  bool is_logarithmic() const { return logarithmic_; }

  // Round values, or the categories; about n of them.
  std::vector<Tick> ticks(int n) const;

  void raise_low_to(double value);  // values below it are then clipped
  void keep_zero_at_the_end();      // of bars: no room below 0, or above it where all are negative

 private:
  double scaled(double value) const;

  bool logarithmic_, is_empty_ = false;
  double low_ = 0.0, high_ = 1.0;  // scaled
  std::vector<std::string> categories_;
  double margin_, greatest_ = 1.0;  // the greatest value, scaled
};

}  // namespace primal
