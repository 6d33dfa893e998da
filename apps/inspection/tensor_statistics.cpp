#include "apps/inspection/tensor_statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace primal {
namespace {

// visit(value as double) for each element, of any type.
template <class Visit>
void for_each_value(const Tensor& t, const Visit& visit) {
  const auto all = [&]<class T>(std::span<const T> values) {
    for (const T v : values) visit(static_cast<double>(v));
  };
  switch (t.dtype()) {
    case DType::f32:
      return all(std::span<const float>(t.span<float>()));
    case DType::f64:
      return all(std::span<const double>(t.span<double>()));
    case DType::i64:
      return all(std::span<const int64_t>(t.span<int64_t>()));
    case DType::i32:
      return all(std::span<const int32_t>(t.span<int32_t>()));
    case DType::u8:
      return all(std::span<const uint8_t>(t.span<uint8_t>()));
  }
}

std::vector<double> values_of(const Tensor& t) {
  std::vector<double> values;
  values.reserve(static_cast<size_t>(t.numel()));
  for_each_value(t, [&](double v) { values.push_back(v); });
  return values;
}

}  // namespace

TensorStatistics statistics_of(const Tensor& tensor) {
  TensorStatistics s;
  s.min = std::numeric_limits<double>::infinity();
  s.max = -s.min;
  for_each_value(tensor, [&](double v) {
    ++s.count;
    s.n_zero += v == 0.0;
    if (!std::isfinite(v)) return;
    ++s.n_finite;
    s.min = std::min(s.min, v);
    s.max = std::max(s.max, v);
    s.mean += v;
  });
  if (s.n_finite == 0) {
    s.min = s.max = 0.0;
    return s;
  }
  s.mean /= static_cast<double>(s.n_finite);
  double squares = 0.0;
  for_each_value(tensor, [&](double v) {
    if (std::isfinite(v)) squares += (v - s.mean) * (v - s.mean);
  });
  s.deviation = std::sqrt(squares / static_cast<double>(s.n_finite));
  return s;
}

nlohmann::json to_json(const TensorStatistics& s) {
  return {{"count", s.count}, {"finite", s.n_finite}, {"zero", s.n_zero},        {"min", s.min},
          {"max", s.max},     {"mean", s.mean},       {"deviation", s.deviation}};
}

TensorDifference difference_of(const Tensor& a, const Tensor& b) {
  TensorDifference d;
  const std::vector<double> va = values_of(a), vb = values_of(b);
  double squares = 0.0, squares_a = 0.0;
  for (size_t i = 0; i < va.size(); ++i) {
    squares_a += va[i] * va[i];
    if (std::bit_cast<uint64_t>(va[i]) == std::bit_cast<uint64_t>(vb[i])) continue;
    ++d.n_different;
    const double difference = std::abs(va[i] - vb[i]);
    d.largest = std::isnan(difference) ? difference : std::max(d.largest, difference);
    squares += difference * difference;
  }
  d.equal = d.n_different == 0;
  if (!d.equal) {
    d.relative = squares_a > 0.0 || std::isnan(squares) ? std::sqrt(squares / squares_a)
                                                        : std::numeric_limits<double>::infinity();
  }
  return d;
}

}  // namespace primal
