#include "nn/sure_loss/sure_loss.h"

#include "nn/sure_loss/sure_loss_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"
#include "tensor/rehearsal.h"

namespace primal {
namespace {

void check_shapes(const Tensor& f, const Tensor& h, const SureInputs& in) {
  if (!is_floating(f.dtype()) || f.shape().rank() < 1)
    throw ShapeError("[sure_loss] f must be f32 or f64 [N,..]: {}", f.str());
  const auto same = [&](const char* name, const Tensor& t) {
    if (t.defined() && t.dtype() == f.dtype() && t.shape() == f.shape()) return;
    throw ShapeError("[sure_loss] {} must be as f: f={} {}={}", name, f.str(), name, t.str());
  };
  same("h", h);
  same("z", in.z);
  same("b", in.b);
  if (f.numel() == 0) throw ShapeError("[sure_loss] f has no elements: {}", f.str());
  const auto each = [&](const char* name, const Tensor& t) {
    if (t.defined() && t.dtype() == f.dtype() && t.shape().rank() == 1 &&
        (t.numel() == 1 || t.numel() == f.size(0)))
      return;
    throw ShapeError("[sure_loss] {} must be [{}] or [1], of f's type: f={} {}={}", name, f.size(0), f.str(),
                     name, t.str());
  };
  each("sigma", in.sigma);
  each("eps", in.eps);
}

// On another device the host would have to wait for them.
template <class T>
void check_values(const SureInputs& in) {
  const T *sigma = in.sigma.data<T>(), *eps = in.eps.data<T>();
  for (int64_t i = 0; i < in.sigma.numel(); ++i) {
    if (!(sigma[i] >= T(0)))
      throw NumericError("[sure_loss] sigma must be at least 0, found {} at {}", sigma[i], i);
  }
  for (int64_t i = 0; i < in.eps.numel(); ++i) {
    if (!(eps[i] > T(0))) throw NumericError("[sure_loss] eps must be above 0, found {} at {}", eps[i], i);
  }
}

template <class T>
SureNoise<T> noise_of(const SureInputs& in, int64_t n) {
  return {in.sigma.device_span<const T>(), in.eps.device_span<const T>(), n / in.sigma.numel(),
          n / in.eps.numel()};
}

}  // namespace

Variable sure_loss(const Variable& f, const Variable& h, const SureInputs& inputs) {
  check_shapes(f.value(), h.value(), inputs);
  const Device device =
      common_device("sure_loss", {f.value(), h.value(), inputs.z, inputs.b, inputs.sigma, inputs.eps});
  const int64_t n = f.value().numel();
  return dispatch_floating(f.dtype(), "sure_loss", [&]<class T>() {
    if (device.is_cpu()) unless_rehearsing([&] { check_values<T>(inputs); });
    const Door door("sure_loss", sure_loss_ladder.of<T>(), OnlyShape{f.shape()}, device,
                    [&] { return sure_loss_cost(f.shape()); });
    const auto forward = door.open("forward");
    const Tensor y = Tensor::empty({}, f.dtype(), device);
    const auto span = [](const Tensor& t) { return t.device_span<const T>(); };
    forward([&](const Exec& exec, const SureLossKernels<T>& kernels) {
      kernels.forward(exec, {span(f.value()), span(h.value()), span(inputs.z), span(inputs.b)},
                      noise_of<T>(inputs, n), y.device_span<T>());
    });
    return record("sure_loss", y, {f, h},
                  [=, backward_f = door.phase("backward_f"), backward_h = door.phase("backward_h"),
                   f = f.value()](Gradients& g) {
                    const SureNoise<T> noise = noise_of<T>(inputs, n);
                    if (g.needs(0)) {
                      backward_f([&](const Exec& exec, const SureLossKernels<T>& kernels) {
                        kernels.backward_f(exec, {span(f), {}, span(inputs.z), span(inputs.b)}, noise,
                                           span(g.upstream()), g.grad_of(0).template device_span<T>());
                      });
                    }
                    if (g.needs(1)) {
                      backward_h([&](const Exec& exec, const SureLossKernels<T>& kernels) {
                        kernels.backward_h(exec, span(inputs.b), noise, span(g.upstream()),
                                           g.grad_of(1).template device_span<T>());
                      });
                    }
                  });
  });
}

}  // namespace primal
