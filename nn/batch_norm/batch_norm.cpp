#include "nn/batch_norm/batch_norm.h"

#include "autograd/gradient_kernels.h"
#include "nn/batch_norm/batch_gather.h"
#include "nn/batch_norm/batch_norm_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

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
  View<T, 3> view{t.device_span<T>().data(), {t.size(0), t.size(1), 1}};
  for (int a = 2; a < t.shape().rank(); ++a) view.extent[2] *= t.size(a);
  return view;
}

// Rows of one tensor [5,C].
BatchNormChannels channels_of(const Tensor& rows) {
  const auto row = [&](int64_t k) { return rows.slice(k, k + 1).device_span<double>(); };
  return {row(0), row(1), row(2), row(3), row(4)};
}

// The values of v; an empty span where v is undefined.
template <class T>
std::span<const T> span_of(const Variable& v) {
  return v.defined() ? v.value().device_span<const T>() : std::span<const T>();
}

Tensor per_channel(const Initialiser& initialiser, int64_t n_channels, double value) {
  return Tensor::full({n_channels}, value, initialiser.dtype(), initialiser.device());
}

// Adds into the gradients of this part's rows what the kernels compute for the whole batch (batch_gather.h).
template <class T>
struct GatheredBackward {
  Tensor x;  // [N,C,..]
  int64_t begin;
  Tensor rows;

  void operator()(const Exec& exec, const BatchNormKernels<T>& kernels, Gradients& g) const {
    const BatchGather* const gather = BatchGather::current();
    if (gather == nullptr)
      throw ShapeError(
          "[batch_norm] the batch was gathered in the forward pass, and its BatchGather is gone");
    const Tensor grad_y = gather->gathered(g.upstream()).all;
    const Tensor grad_x = Tensor::zeros(x.shape(), x.dtype(), x.device());
    // The others have a gradient too, of zeros.
    const auto gradient_of = [&](size_t input) {
      const std::span<T> gradient = g.needs(input) ? g.grad_of(input).device_span<T>() : std::span<T>{};
      return gather->is_first() ? gradient : std::span<T>{};
    };
    kernels.backward(exec, by_channel<const T>(x), channels_of(rows), true, by_channel<const T>(grad_y),
                     by_channel<T>(grad_x), gradient_of(1), gradient_of(2));
    if (!g.needs(0)) return;
    const Tensor own = grad_x.slice(begin, begin + g.upstream().size(0));
    choose("backward", "add", gradient_ladder.of<T>(), OnlyShape{}, x.device())
        .kernels.add(exec, own.device_span<const T>(), g.grad_of(0).device_span<T>());
  }
};

}  // namespace

Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias,
                    const Tensor& running_mean, const Tensor& running_var, const BatchNormParams& params) {
  check(x.value(), weight, bias, running_mean, running_var, params);
  const Tensor none;
  const Device device =
      common_device("batch_norm", {x.value(), weight.defined() ? weight.value() : none,
                                   bias.defined() ? bias.value() : none, running_mean, running_var});
  return dispatch_floating(x.dtype(), "batch_norm", [&]<class T>() {
    const Door door("batch_norm", batch_norm_ladder.of<T>(), OnlyShape{x.shape()}, device,
                    [&] { return batch_norm_cost(x.shape(), params.training); });
    const auto forward = door.open("forward");
    const Tensor rows = Tensor::empty({5, x.shape()[1]}, DType::f64, device);
    const Tensor y = Tensor::empty(x.shape(), x.dtype(), device);
    const BatchNormState<T> state{span_of<T>(weight), span_of<T>(bias), running_mean.device_span<T>(),
                                  running_var.device_span<T>()};
    const BatchGather* const gather = params.training ? BatchGather::current() : nullptr;
    const BatchGather::Gathered batch =
        gather != nullptr ? gather->gathered(x.value()) : BatchGather::Gathered{x.value()};
    forward([&](const Exec& exec, const BatchNormKernels<T>& kernels) {
      kernels.prepare(exec, by_channel<const T>(batch.all), state, params, channels_of(rows));
      kernels.forward(exec, by_channel<const T>(x.value()), channels_of(rows), by_channel<T>(y));
    });
    if (gather != nullptr) {
      const GatheredBackward<T> add_gradients{batch.all, batch.begin, rows};
      return record("batch_norm", y, {x, weight, bias},
                    [add_gradients, backward = door.phase("backward")](Gradients& g) {
                      backward([&](const Exec& exec, const BatchNormKernels<T>& kernels) {
                        add_gradients(exec, kernels, g);
                      });
                    });
    }
    return record(
        "batch_norm", y, {x, weight, bias},
        [x = x.value(), rows, training = params.training, backward = door.phase("backward")](Gradients& g) {
          backward([&](const Exec& exec, const BatchNormKernels<T>& kernels) {
            kernels.backward(exec, by_channel<const T>(x), channels_of(rows), training,
                             by_channel<const T>(g.upstream()),
                             g.needs(0) ? by_channel<T>(g.grad_of(0)) : View<T, 3>{},
                             g.needs(1) ? g.grad_of(1).device_span<T>() : std::span<T>{},
                             g.needs(2) ? g.grad_of(2).device_span<T>() : std::span<T>{});
          });
        });
  });
}

BatchNorm3d::BatchNorm3d(Initialiser& initialiser, int64_t n_channels, double momentum, double eps)
    : momentum_(momentum),
      eps_(eps),
      weight_(register_parameter("weight", per_channel(initialiser, n_channels, 1.0))),
      bias_(register_parameter("bias", per_channel(initialiser, n_channels, 0.0))),
      running_mean_(register_buffer("running_mean", per_channel(initialiser, n_channels, 0.0))),
      running_var_(register_buffer("running_var", per_channel(initialiser, n_channels, 1.0))),
      num_batches_tracked_(register_buffer("num_batches_tracked", Tensor::zeros({}, DType::i64))) {}

Variable BatchNorm3d::operator()(const Variable& x, bool training) const {
  const Variable y = batch_norm(x, weight_, bias_, running_mean_, running_var_, {training, momentum_, eps_});
  if (training) ++num_batches_tracked_.data<int64_t>()[0];
  return y;
}

}  // namespace primal
