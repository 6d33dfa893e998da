#include "solvers/tv_objective/tv_objective.h"

#include <algorithm>
#include <span>

#include "solvers/tv_objective/tv_objective_kernels.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// `like`: one with the type that all have.
void check_fits(const char* what, const Tensor& t, const Shape& full, const Tensor& like) {
  bool fits = t.shape().rank() == 5 && t.dtype() == like.dtype();
  for (int axis = 0; fits && axis < 5; ++axis) fits = t.size(axis) == full[axis] || t.size(axis) == 1;
  if (!fits) {
    throw ShapeError("[tv_objective] {} is {}, expected {}{} or extents of 1 in it", what, t.str(),
                     name_of(like.dtype()), full.str());
  }
}

void check_is(const char* what, const Tensor& t, const Shape& shape, const Tensor& like) {
  if (t.shape() != shape || t.dtype() != like.dtype()) {
    throw ShapeError("[tv_objective] {} is {}, expected {}{}", what, t.str(), name_of(like.dtype()),
                     shape.str());
  }
}

constexpr const TvObjectiveImplementation<float>* kF32[] = {PRIMAL_DEVICES(tv_objective_two_stages),
                                                            &cpu::tv_objective_reference_f32};
constexpr const TvObjectiveImplementation<double>* kF64[] = {&cpu::tv_objective_reference_f64};

// The sums over each sample; an undefined tensor is one that this sum does not read. On a device
// the host waits for them.
std::vector<double> sums_of(auto kernel, const Shape& shape, const Tensor& x, const Tensor& q,
                            const Tensor& z, const Tensor& lambda, const Axes& axes) {
  const Device device = common_device("tv_objective", {x, q, z, lambda});
  const Tensor sums = Tensor::empty({shape[0]}, DType::f64, device);
  dispatch_floating(z.dtype(), "tv_objective", [&]<class T>() {
    const auto view = [](const Tensor& t) {
      return t.defined() ? t.device_view5<const T>() : View5<const T>{};
    };
    TvFields<T> fields;
    std::ranges::copy(shape.extents(), fields.extent.begin());
    fields.x = view(x), fields.q = view(q), fields.z = view(z), fields.lambda = view(lambda);
    const Door door("tv_objective", tv_objective_ladder.of<T>(), OnlyShape{shape}, device,
                    [] { return PhaseCosts{}; });
    door.open("forward")([&](const Exec& exec, const TvObjectiveKernels<T>& kernels) {
      kernel(kernels)(exec, fields, axes, sums.device_span<double>());
    });
  });
  return sums.to_doubles();
}

}  // namespace

const Ladder<TvObjectiveImplementation> tv_objective_ladder{kF32, kF64};

std::vector<double> tv_objective(const Tensor& x, const Tensor& z, const Tensor& lambda, const Axes& axes) {
  const Shape& s = x.shape();
  if (s.rank() != 5 || s[1] != 1) throw ShapeError("[tv_objective] x must be [N,1,D,H,W]: {}", x.str());
  check_fits("z", z, s, x);
  check_fits("lambda", lambda, s.with(1, axes.count()), x);
  return sums_of([](const auto& kernels) { return kernels.objective; }, s, x, {}, z, lambda, axes);
}

std::vector<double> tv_dual_objective(const Tensor& q, const Tensor& z, const Axes& axes) {
  if (q.shape().rank() != 5 || q.size(1) != axes.count()) {
    throw ShapeError("[tv_objective] q must be [N,{},D,H,W] for axes {}: {}", axes.count(), axes.str(),
                     q.str());
  }
  const Shape s = q.shape().with(1, 1);
  check_fits("z", z, s, q);
  return sums_of([](const auto& kernels) { return kernels.dual_objective; }, s, {}, q, z, {}, axes);
}

std::vector<double> tv_gap(const Tensor& x, const Tensor& q, const Tensor& z, const Tensor& lambda,
                           const Axes& axes) {
  const Shape& s = x.shape();
  if (s.rank() != 5 || s[1] != 1) throw ShapeError("[tv_objective] x must be [N,1,D,H,W]: {}", x.str());
  check_is("q", q, s.with(1, axes.count()), x);
  check_fits("z", z, s, x);
  check_fits("lambda", lambda, s.with(1, axes.count()), x);
  return sums_of([](const auto& kernels) { return kernels.gap; }, s, x, q, z, lambda, axes);
}

}  // namespace primal
