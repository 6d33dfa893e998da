#include "nn/conv_transpose3d/conv_transpose3d.h"

#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// Checks the call and returns the shape of y.
Shape check(const Variable& x, const Variable& weight, const Variable& bias,
            const ConvTranspose3dParams& params) {
  if (x.shape().rank() != 5)
    throw ShapeError("[conv_transpose3d] x must be [N,C,D,H,W]: x={}", x.value().str());
  if (weight.shape().rank() != 5) {
    throw ShapeError("[conv_transpose3d] weight must be [C,O,kd,kh,kw]: weight={}", weight.value().str());
  }
  if (!is_floating(x.dtype())) {
    throw ShapeError("[conv_transpose3d] x must be f32 or f64: x={}", x.value().str());
  }
  if (weight.dtype() != x.dtype()) {
    throw ShapeError("[conv_transpose3d] x and weight differ in type: x={} weight={}", x.value().str(),
                     weight.value().str());
  }
  if (weight.shape()[0] != x.shape()[1]) {
    throw ShapeError("[conv_transpose3d] weight expects {} input channels, x has {}: x={} weight={}",
                     weight.shape()[0], x.shape()[1], x.shape().str(), weight.shape().str());
  }
  if (bias.defined() && (bias.shape() != Shape{weight.shape()[1]} || bias.dtype() != x.dtype())) {
    throw ShapeError("[conv_transpose3d] bias must be {}[{}]: bias={} weight={}", name_of(x.dtype()),
                     weight.shape()[1], bias.value().str(), weight.value().str());
  }
  Shape y = x.shape().with(1, weight.shape()[1]);
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t stride = params.stride[a], padding = params.padding[a], extra = params.output_padding[a];
    const int64_t extent = x.shape()[axis + 2], kernel = weight.shape()[axis + 2];
    const char letter = "DHW"[axis];
    if (stride < 1) {
      throw ShapeError("[conv_transpose3d] stride along {} must be at least 1, is {}", letter, stride);
    }
    if (padding < 0) {
      throw ShapeError("[conv_transpose3d] padding along {} must be at least 0, is {}", letter, padding);
    }
    if (extra < 0 || extra >= stride) {
      throw ShapeError("[conv_transpose3d] output padding along {} must be in [0, stride {}), is {}", letter,
                       stride, extra);
    }
    const int64_t result = (extent - 1) * stride - 2 * padding + kernel + extra;
    if (extent < 1 || kernel < 1 || result < 1) {
      throw ShapeError("[conv_transpose3d] nothing is left along {}: x={} weight={} padding={}", letter,
                       x.shape().str(), weight.shape().str(), padding);
    }
    y = y.with(axis + 2, result);
  }
  return y;
}

template <class T>
Variable run(const Variable& x, const Variable& weight, const Variable& bias,
             const ConvTranspose3dParams& params, const Shape& y_shape) {
  const Device device = common_device("conv_transpose3d",
                                      {x.value(), weight.value(), bias.defined() ? bias.value() : Tensor()});
  const ConvTranspose3dGeometry geometry{x.shape(), weight.shape(), params};
  const Door door("conv_transpose3d", conv_transpose3d_ladder.of<T>(), geometry, device,
                  [&] { return conv_transpose3d_cost(x.shape(), weight.shape(), y_shape); });
  const auto forward = door.open("forward");
  const Tensor y = Tensor::empty(y_shape, x.dtype(), device);
  forward([&](const Exec& exec, const ConvTranspose3dKernels<T>& kernels) {
    kernels.forward(exec, x.value().device_view5<const T>(), weight.value().device_view5<const T>(),
                    bias.defined() ? bias.value().device_view<const T, 1>() : View<const T, 1>{}, params,
                    y.device_view5<T>());
  });
  const Tensor saved_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_grad() ? weight.value() : Tensor();
  return record(
      "conv_transpose3d", y, {x, weight, bias}, [=, backward = door.phase("backward")](Gradients& g) {
        backward([&](const Exec& exec, const ConvTranspose3dKernels<T>& kernels) {
          const View5<const T> grad_y = g.upstream().device_view5<const T>();
          if (g.needs(0)) {
            kernels.backward_data(exec, grad_y, saved_weight.device_view5<const T>(), params,
                                  g.grad_of(0).device_view5<T>());
          }
          if (g.needs(1) || g.needs(2)) {
            kernels.backward_weights(exec,
                                     saved_x.defined() ? saved_x.device_view5<const T>() : View5<const T>{},
                                     grad_y, params, g.needs(1) ? g.grad_of(1).device_view5<T>() : View5<T>{},
                                     g.needs(2) ? g.grad_of(2).device_view<T, 1>() : View<T, 1>{});
          }
        });
      });
}

}  // namespace

Variable conv_transpose3d(const Variable& x, const Variable& weight, const Variable& bias,
                          const ConvTranspose3dParams& params) {
  const Shape y = check(x, weight, bias, params);
  return dispatch_floating(x.dtype(), "conv_transpose3d",
                           [&]<class T>() { return run<T>(x, weight, bias, params, y); });
}

ConvTranspose3d::ConvTranspose3d(Initialiser& initialiser, int64_t n_in, int64_t n_out,
                                 std::array<int64_t, 3> kernel, const ConvTranspose3dParams& params)
    : params_(params) {
  const Shape shape{n_in, n_out, kernel[0], kernel[1], kernel[2]};
  const int64_t fan_in = n_out * kernel[0] * kernel[1] * kernel[2];  // PyTorch counts the second axis
  weight_ = register_parameter("weight", initialiser.fan_in_uniform(shape, fan_in));
  bias_ = register_parameter("bias", initialiser.fan_in_uniform({n_out}, fan_in));
}

}  // namespace primal
