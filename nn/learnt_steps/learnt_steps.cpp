#include "nn/learnt_steps/learnt_steps.h"

#include "nn/learnt_steps/learnt_steps_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

void check(const char* name, const Variable& raw, const Variable& first) {
  if (raw.value().numel() != 1 || raw.dtype() != first.dtype() || !is_floating(raw.dtype()))
    throw ShapeError("[learnt_steps] {} must be a scalar of one floating type with the others: {}, sigma={}",
                     name, raw.value().str(), first.value().str());
}

}  // namespace

Variable learnt_steps(const Variable& sigma, const Variable& tau, const Variable& theta, double a) {
  check("sigma", sigma, sigma);
  check("tau", tau, sigma);
  check("theta", theta, sigma);
  const Device device = common_device("learnt_steps", {sigma.value(), tau.value(), theta.value()});
  return dispatch_floating(sigma.dtype(), "learnt_steps", [&]<class T>() {
    const Door door("learnt_steps", learnt_steps_ladder.of<T>(), OnlyShape{Shape{3}}, device,
                    [] { return learnt_steps_cost(); });
    const auto forward = door.open("forward");
    const std::array<Tensor, 3> kept{sigma.value(), tau.value(), theta.value()};
    const auto raw_of = [](const std::array<Tensor, 3>& of) {
      return std::array{of[0].device_span<const T>().data(), of[1].device_span<const T>().data(),
                        of[2].device_span<const T>().data()};
    };
    const Tensor y = Tensor::empty({3}, sigma.dtype(), device);
    forward([&](const Exec& exec, const LearntStepsKernels<T>& kernels) {
      kernels.forward(exec, raw_of(kept), a, y.device_span<T>().data());
    });
    return record("learnt_steps", y, {sigma, tau, theta},
                  [kept, raw_of, a, backward = door.phase("backward")](Gradients& g) {
                    std::array<T*, 3> grads{};
                    for (size_t i = 0; i < 3; ++i)
                      grads[i] = g.needs(i) ? g.grad_of(i).device_span<T>().data() : nullptr;
                    backward([&](const Exec& exec, const LearntStepsKernels<T>& kernels) {
                      kernels.backward(exec, raw_of(kept), g.upstream().device_span<const T>().data(), a,
                                       grads);
                    });
                  });
  });
}

}  // namespace primal
