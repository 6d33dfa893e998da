// The CUDA kernels of the activations, on the emulation, against the CPU: every corner case, every order of
// threads.
#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "nn/activation/activation.h"
#include "nn/activation/activation_kernels.h"
#include "tensor/error.h"
#include "tensor/simt/global.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

const Exec kOnSimt{.n_threads = 2, .device = Device::simt()};

struct Kind {
  OpInfo info;
  ActivationParams params;
};

std::vector<Kind> kinds() {
  return {{relu_info(), {.kind = ActivationKind::relu}},
          {leaky_relu_info(), {.kind = ActivationKind::leaky_relu}},
          {sigmoid_info(), {.kind = ActivationKind::sigmoid}},
          {softplus_info(), {.kind = ActivationKind::softplus}},
          {softplus_info(), {.kind = ActivationKind::softplus, .beta = 5.0, .threshold = 500.0}}};
}

simt::Buffer<float> device(std::span<const float> host) { return simt::Buffer<float>(host); }

std::vector<float> forward(std::span<const float> x, const ActivationParams& params) {
  return simt::same_in_all_orders("activation_forward", [&] {
    const simt::Buffer<float> x_device = device(x);
    simt::Buffer<float> y(x.size());
    simt::activation_elementwise.kernels.forward(kOnSimt, x_device.span(), params, y.span());
    return y.to_host();
  });
}

std::vector<float> backward(std::span<const float> saved, std::span<const float> grad_y, float grad_x_before,
                            const ActivationParams& params) {
  const std::vector<float> before(saved.size(), grad_x_before);
  return simt::same_in_all_orders("activation_backward", [&] {
    const simt::Buffer<float> saved_device = device(saved), grad_y_device = device(grad_y);
    simt::Buffer<float> grad_x = device(before);
    simt::activation_elementwise.kernels.backward(kOnSimt, saved_device.span(), grad_y_device.span(), params,
                                                  grad_x.span());
    return grad_x.to_host();
  });
}

// The params of a case of a kind.
ActivationParams with_options(ActivationParams params, const Attributes& attrs) {
  params.slope = attrs.value("slope", params.slope);
  params.beta = attrs.value("beta", params.beta);
  params.threshold = attrs.value("threshold", params.threshold);
  return params;
}

Tensor tensor(const std::vector<float>& values) { return Tensor::from(Shape{std::ssize(values)}, values); }

TEST(ActivationCuda, EqualsTheCpuOnEveryCornerCaseInEveryOrder) {
  for (const auto& [info, defaults] : kinds()) {
    for (const OpCase& op_case : info.corner_cases) {
      SCOPED_TRACE(info.name + ", " + op_case.name);
      const ActivationParams params = with_options(defaults, op_case.attrs);
      const Tensor x = make_inputs(op_case, DType::f32).at("x"),
                   grad_y = make_inputs(op_case, DType::f32, 1).at("x");
      const auto n = static_cast<size_t>(x.numel());
      std::vector<float> y(n), grad_x(n, 0.5f);
      cpu::activation_reference_f32.kernels.forward(Exec{}, x.span<float>(), params, y);
      const std::span<const float> saved = saves_x(params.kind) ? x.span<const float>() : y;
      cpu::activation_reference_f32.kernels.backward(Exec{}, saved, grad_y.span<float>(), params, grad_x);

      const OpCall call{.inputs = {{"x", x}}, .attrs = op_case.attrs, .upstream = {}, .name = op_case.name};
      const Verdict of_y = info.judge("output.y", tensor(forward(x.span<float>(), params)), tensor(y), call);
      const Verdict of_grad = info.judge(
          "grad.x", tensor(backward(saved, grad_y.span<float>(), 0.5f, params)), tensor(grad_x), call);
      EXPECT_TRUE(of_y.pass()) << of_y.error << " allowed " << of_y.allowed;
      EXPECT_TRUE(of_grad.pass()) << of_grad.error << " allowed " << of_grad.allowed;
    }
  }
}

TEST(ActivationCuda, TakesTheKinkAndTheEndsOfTheRangeAsTheCpuDoes) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-infinity, -1e30f, -88.0f, -1.0f, -0.0f, 0.0f,
                             1e-30f,    1.0f,   20.5f,  88.0f, 1e30f, infinity};
  const std::vector<float> ones(x.size(), 1.0f);
  for (const auto& [info, params] : kinds()) {
    std::vector<float> y(x.size()), grad_x(x.size());
    cpu::activation_reference_f32.kernels.forward(Exec{}, x, params, y);
    const std::vector<float>& saved = saves_x(params.kind) ? x : y;
    cpu::activation_reference_f32.kernels.backward(Exec{}, saved, ones, params, grad_x);
    const std::vector<float> got_y = forward(x, params), got_grad = backward(saved, ones, 0.0f, params);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_FLOAT_EQ(got_y[i], y[i]) << info.name << " of " << x[i];
      EXPECT_FLOAT_EQ(got_grad[i], grad_x[i]) << info.name << " at " << x[i];
    }
  }
}

TEST(ActivationCuda, ReportsAnInputThatNothingHasWritten) {
  const simt::Buffer<float> x(300);
  simt::Buffer<float> y(300);
  EXPECT_THROW(simt::activation_elementwise.kernels.forward(kOnSimt, x.span(), {.kind = ActivationKind::relu},
                                                            y.span()),
               CheckFailed);
}

}  // namespace
}  // namespace primal
