// The plain loops: each sample row by row, in double.
#include <cmath>

#include "solvers/broadcast.h"
#include "solvers/tv_objective/tv_objective_kernels.h"

namespace primal::cpu {
namespace {

using Extent = std::array<int64_t, 5>;

// One sample's position and its neighbour one step back or forth along an axis.
struct Point {
  int64_t n, d, h, w;
  Point moved(int axis, int64_t step, const Extent& s) const {
    Point to = *this;
    if (axis == 2) to.d = (d + step + s[2]) % s[2];
    if (axis == 3) to.h = (h + step + s[3]) % s[3];
    if (axis == 4) to.w = (w + step + s[4]) % s[4];
    return to;
  }
};

template <class T>
double at(const BroadcastView<const T>& v, int64_t channel, const Point& i) {
  return static_cast<double>(v.row(i.n, channel, i.d, i.h)[i.w * v.step()]);
}

template <class T>
double difference(const BroadcastView<const T>& x, const Point& i, int axis, const Extent& s) {
  return at(x, 0, i.moved(axis, +1, s)) - at(x, 0, i);
}

template <class T>
double adjoint_difference(const BroadcastView<const T>& q, const Point& i, const Axes& axes,
                          const Extent& s) {
  double sum = 0.0;
  for (int a = 0; a < axes.count(); ++a) sum += at(q, a, i.moved(axes[a], -1, s)) - at(q, a, i);
  return sum;
}

// sums[n] = sum of term(point) over sample n, row by row in a fixed order.
template <class Term>
void sum_per_sample(const Exec& exec, const Extent& extent, const Term& term, std::span<double> sums) {
  const int64_t D = extent[2], H = extent[3], W = extent[4];
  for (int64_t n = 0; n < extent[0]; ++n) {
    sums[static_cast<size_t>(n)] = parallel_sum(exec, D * H, 16, [&](int64_t begin, int64_t end) {
      double sum = 0.0;
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t w = 0; w < W; ++w) sum += term(Point{n, r / H, r % H, w});
      }
      return sum;
    });
  }
}

template <class T>
void objective(const Exec& exec, const TvFields<T>& f, const Axes& axes, std::span<double> sums) {
  const BroadcastView<const T> x(f.x), z(f.z), lambda(f.lambda);
  const auto term = [&](const Point& i) {
    const double r = at(x, 0, i) - at(z, 0, i);
    double sum = 0.5 * r * r;
    for (int a = 0; a < axes.count(); ++a)
      sum += at(lambda, a, i) * std::abs(difference(x, i, axes[a], f.extent));
    return sum;
  };
  sum_per_sample(exec, f.extent, term, sums);
}

template <class T>
void dual_objective(const Exec& exec, const TvFields<T>& f, const Axes& axes, std::span<double> sums) {
  const BroadcastView<const T> q(f.q), z(f.z);
  const auto term = [&](const Point& i) {
    const double g = adjoint_difference(q, i, axes, f.extent);
    return at(z, 0, i) * g - 0.5 * g * g;
  };
  sum_per_sample(exec, f.extent, term, sums);
}

template <class T>
void gap(const Exec& exec, const TvFields<T>& f, const Axes& axes, std::span<double> sums) {
  const BroadcastView<const T> x(f.x), q(f.q), z(f.z), lambda(f.lambda);
  const auto term = [&](const Point& i) {
    const double r = at(x, 0, i) - at(z, 0, i) + adjoint_difference(q, i, axes, f.extent);
    double sum = 0.5 * r * r;
    for (int a = 0; a < axes.count(); ++a) {
      const double g = difference(x, i, axes[a], f.extent);
      sum += at(lambda, a, i) * std::abs(g) - at(q, a, i) * g;
    }
    return sum;
  };
  sum_per_sample(exec, f.extent, term, sums);
}

template <class T>
constexpr TvObjectiveImplementation<T> kReferenceOf{
    {kReference, "each sample row by row"}, nullptr, {objective<T>, dual_objective<T>, gap<T>}};

}  // namespace

const TvObjectiveImplementation<float> tv_objective_reference_f32 = kReferenceOf<float>;
const TvObjectiveImplementation<double> tv_objective_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
