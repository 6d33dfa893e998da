// The last 200 numbers of a stream: what a training prints of its losses and times.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>
#include <vector>

namespace primal {

class Window {
 public:
  static constexpr size_t kLength = 200;

  void add(double value) {
    values_.push_back(value);
    if (values_.size() > kLength) values_.pop_front();
  }
  double mean() const {
    if (values_.empty()) return 0.0;
    return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
  }
  double median() const {
    if (values_.empty()) return 0.0;
    std::vector<double> sorted(values_.begin(), values_.end());
    const auto middle = sorted.begin() + std::ssize(sorted) / 2;
    std::ranges::nth_element(sorted, middle);
    return *middle;
  }

 private:
  std::deque<double> values_;
};

}  // namespace primal
