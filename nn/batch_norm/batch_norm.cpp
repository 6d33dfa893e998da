#include "nn/batch_norm/batch_norm.h"

#include <cmath>

#include "nn/batch_norm/batch_norm_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

void check_per_channel(const char* name, const Tensor& t, const Tensor& x) {
  if (t.dtype() != x.dtype() || t.shape() != Shape{x.size(1)}) {
    throw ShapeError("[batch_norm] {} must be {}[{}]: {}={} x={}", name, name_of(x.dtype()), x.size(1), name,
                     t.str(), x.str());
  }
}

void check(const Tensor& x, const Variable& weight, const Variable& bias, const Tensor& running_mean,
           const Tensor& running_var, const BatchNormParams& params) {
  if (!is_floating(x.dtype()) || x.shape().rank() < 2)
    throw ShapeError("[batch_norm] x must be f32 or f64 [N,C,..]: {}", x.str());
  if (weight.defined()) check_per_channel("weight", weight.value(), x);
  if (bias.defined()) check_per_channel("bias", bias.value(), x);
  check_per_channel("running_mean", running_mean, x);
  check_per_channel("running_var", running_var, x);
  if (params.training && x.size(1) > 0 && x.numel() / x.size(1) < 2)
    throw ShapeError("[batch_norm] training needs two values per channel: x={}", x.str());
  if (!(params.eps >= 0.0)) throw ShapeError("[batch_norm] eps {} is below zero", params.eps);
  if (!(params.momentum >= 0.0 && params.momentum <= 1.0))
    throw ShapeError("[batch_norm] momentum {} is outside of [0, 1]", params.momentum);
}

// [N,C,..] as [N,C,S]
template <class T>
View<T, 3> by_channel(const Tensor& t) {
  View<T, 3> view{t.data<std::remove_const_t<T>>(), {t.size(0), t.size(1), 1}};
  for (int a = 2; a < t.shape().rank(); ++a) view.extent[2] *= t.size(a);
  return view;
}

// running <- (1 - momentum) running + momentum factor latest
template <class T>
void move_towards(const Tensor& running, std::span<const double> latest, double momentum, double factor) {
  const std::span<T> values = running.span<T>();
  for (size_t c = 0; c < values.size(); ++c) {
    const double before = static_cast<double>(values[c]);
    values[c] = static_cast<T>((1.0 - momentum) * before + momentum * factor * latest[c]);
  }
}

}  // namespace

Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias,
                    const Tensor& running_mean, const Tensor& running_var, const BatchNormParams& params) {
  check(x.value(), weight, bias, running_mean, running_var, params);
  const Range range("batch_norm");
  const auto n_channels = static_cast<size_t>(x.shape()[1]);
  std::vector<double> mean, var;
  if (params.training) {
    mean.resize(n_channels);
    var.resize(n_channels);
    dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
      cpu::batch_norm_statistics<T>(Exec{}, by_channel<const T>(x.value()), mean, var);
      const double count = static_cast<double>(x.value().numel()) / static_cast<double>(n_channels);
      move_towards<T>(running_mean, mean, params.momentum, 1.0);
      move_towards<T>(running_var, var, params.momentum, count / (count - 1.0));
    });
  } else {
    mean = running_mean.to_doubles();
    var = running_var.to_doubles();
  }

  std::vector<double> gain(n_channels, 1.0), r(n_channels), scale(n_channels), shift(n_channels, 0.0);
  if (weight.defined()) gain = weight.value().to_doubles();
  if (bias.defined()) shift = bias.value().to_doubles();
  for (size_t c = 0; c < n_channels; ++c) {
    r[c] = 1.0 / std::sqrt(var[c] + params.eps);
    scale[c] = gain[c] * r[c];
    shift[c] -= scale[c] * mean[c];
  }
  const Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
    cpu::batch_norm_forward<T>(Exec{}, by_channel<const T>(x.value()), scale, shift, by_channel<T>(y));
  });
  return record("batch_norm", y, {x, weight, bias},
                [x = x.value(), mean, r, gain, training = params.training](Gradients& g) {
                  dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
                    cpu::batch_norm_backward<T>(Exec{}, by_channel<const T>(x), {mean, r, gain}, training,
                                                by_channel<const T>(g.output()),
                                                g.needs(0) ? by_channel<T>(g.input(0)) : View<T, 3>{},
                                                g.needs(1) ? g.input(1).span<T>() : std::span<T>{},
                                                g.needs(2) ? g.input(2).span<T>() : std::span<T>{});
                  });
                });
}

BatchNorm3d::BatchNorm3d(Initialiser& initialiser, int64_t n_channels, double momentum, double eps)
    : momentum_(momentum),
      eps_(eps),
      weight_(register_parameter("weight", Tensor::full({n_channels}, 1.0, initialiser.dtype()))),
      bias_(register_parameter("bias", Tensor::zeros({n_channels}, initialiser.dtype()))),
      running_mean_(register_buffer("running_mean", Tensor::zeros({n_channels}, initialiser.dtype()))),
      running_var_(register_buffer("running_var", Tensor::full({n_channels}, 1.0, initialiser.dtype()))),
      num_batches_tracked_(register_buffer("num_batches_tracked", Tensor::zeros({}, DType::i64))) {}

Variable BatchNorm3d::operator()(const Variable& x, bool training) const {
  const Variable y = batch_norm(x, weight_, bias_, running_mean_, running_var_, {training, momentum_, eps_});
  if (training) ++num_batches_tracked_.data<int64_t>()[0];
  return y;
}

}  // namespace primal
