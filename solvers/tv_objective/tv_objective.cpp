#include "solvers/tv_objective/tv_objective.h"

#include <cmath>

#include "solvers/broadcast.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

void check_fits(const char* what, const Tensor& t, const Shape& full, DType dtype) {
  bool fits = t.shape().rank() == 5 && t.dtype() == dtype;
  for (int axis = 0; fits && axis < 5; ++axis) fits = t.size(axis) == full[axis] || t.size(axis) == 1;
  if (!fits) {
    throw ShapeError("[tv_objective] {} is {}, expected {}{} or extents of 1 in it", what, t.str(),
                     name_of(dtype), full.str());
  }
}

void check_is(const char* what, const Tensor& t, const Shape& shape, DType dtype) {
  if (t.shape() != shape || t.dtype() != dtype) {
    throw ShapeError("[tv_objective] {} is {}, expected {}{}", what, t.str(), name_of(dtype), shape.str());
  }
}

// One sample's position and its neighbour one step back or forth along an axis.
struct Point {
  int64_t n, d, h, w;
  Point moved(int axis, int64_t step, const Shape& s) const {
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
double difference(const BroadcastView<const T>& x, const Point& i, int axis, const Shape& s) {
  return at(x, 0, i.moved(axis, +1, s)) - at(x, 0, i);
}

template <class T>
double adjoint_difference(const BroadcastView<const T>& q, const Point& i, const Axes& axes, const Shape& s) {
  double sum = 0.0;
  for (int a = 0; a < axes.count(); ++a) sum += at(q, a, i.moved(axes[a], -1, s)) - at(q, a, i);
  return sum;
}

// Sum of term(point) over each sample of shape [N,1,D,H,W], row by row in a fixed order.
template <class Term>
std::vector<double> sum_per_sample(const Shape& shape, const Term& term) {
  const Range range("tv_objective");
  const int64_t D = shape[2], H = shape[3], W = shape[4];
  std::vector<double> sums;
  for (int64_t n = 0; n < shape[0]; ++n) {
    sums.push_back(parallel_sum(Exec{}, D * H, 16, [&](int64_t begin, int64_t end) {
      double sum = 0.0;
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t w = 0; w < W; ++w) sum += term(Point{n, r / H, r % H, w});
      }
      return sum;
    }));
  }
  return sums;
}

}  // namespace

std::vector<double> tv_objective(const Tensor& x, const Tensor& z, const Tensor& lambda, const Axes& axes) {
  const Shape& s = x.shape();
  if (s.rank() != 5 || s[1] != 1) throw ShapeError("[tv_objective] x must be [N,1,D,H,W]: {}", x.str());
  check_fits("z", z, s, x.dtype());
  check_fits("lambda", lambda, s.with(1, axes.count()), x.dtype());
  return dispatch_floating(x.dtype(), "tv_objective", [&]<class T>() {
    const BroadcastView<const T> vx(x.view5<const T>()), vz(z.view5<const T>()), vl(lambda.view5<const T>());
    return sum_per_sample(s, [&](const Point& i) {
      const double r = at(vx, 0, i) - at(vz, 0, i);
      double sum = 0.5 * r * r;
      for (int a = 0; a < axes.count(); ++a) sum += at(vl, a, i) * std::abs(difference(vx, i, axes[a], s));
      return sum;
    });
  });
}

std::vector<double> tv_dual_objective(const Tensor& q, const Tensor& z, const Axes& axes) {
  if (q.shape().rank() != 5 || q.size(1) != axes.count()) {
    throw ShapeError("[tv_objective] q must be [N,{},D,H,W] for axes {}: {}", axes.count(), axes.str(),
                     q.str());
  }
  const Shape s = q.shape().with(1, 1);
  check_fits("z", z, s, q.dtype());
  return dispatch_floating(q.dtype(), "tv_objective", [&]<class T>() {
    const BroadcastView<const T> vq(q.view5<const T>()), vz(z.view5<const T>());
    return sum_per_sample(s, [&](const Point& i) {
      const double g = adjoint_difference(vq, i, axes, s);
      return at(vz, 0, i) * g - 0.5 * g * g;
    });
  });
}

std::vector<double> tv_gap(const Tensor& x, const Tensor& q, const Tensor& z, const Tensor& lambda,
                           const Axes& axes) {
  const Shape& s = x.shape();
  if (s.rank() != 5 || s[1] != 1) throw ShapeError("[tv_objective] x must be [N,1,D,H,W]: {}", x.str());
  check_is("q", q, s.with(1, axes.count()), x.dtype());
  check_fits("z", z, s, x.dtype());
  check_fits("lambda", lambda, s.with(1, axes.count()), x.dtype());
  return dispatch_floating(x.dtype(), "tv_objective", [&]<class T>() {
    const BroadcastView<const T> vx(x.view5<const T>()), vq(q.view5<const T>()), vz(z.view5<const T>()),
        vl(lambda.view5<const T>());
    return sum_per_sample(s, [&](const Point& i) {
      const double r = at(vx, 0, i) - at(vz, 0, i) + adjoint_difference(vq, i, axes, s);
      double sum = 0.5 * r * r;
      for (int a = 0; a < axes.count(); ++a) {
        const double g = difference(vx, i, axes[a], s);
        sum += at(vl, a, i) * std::abs(g) - at(vq, a, i) * g;
      }
      return sum;
    });
  });
}

}  // namespace primal
