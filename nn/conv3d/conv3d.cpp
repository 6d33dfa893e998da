#include "nn/conv3d/conv3d.h"

#include "nn/conv3d/conv3d_backward.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

template <class T>
Variable run(const Variable& x, const Variable& weight, const Variable& bias, const Conv3dParams& params,
             const Shape& y_shape) {
  const Tensor bias_value = bias.defined() ? bias.value() : Tensor();
  const Device device = common_device("conv3d", {x.value(), weight.value(), bias_value});
  const Door door("conv3d", conv3d_ladder.of<T>(), Conv3dGeometry{x.shape(), weight.shape(), params}, device,
                  [&] { return conv3d_cost(x.shape(), weight.shape(), y_shape); });
  const auto forward = door.open("forward");
  const Tensor y = Tensor::empty(y_shape, x.dtype(), device);
  forward([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
    kernels.forward(exec, {x.value().device_view5<const T>()}, weight.value().device_view5<const T>(),
                    bias_value.defined() ? bias_value.device_view<const T, 1>() : View<const T, 1>{}, params,
                    T(1), y.device_view5<T>());
  });
  if (!will_record({x, weight, bias})) return Variable(y);
  const Tensor saved_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor saved_weight = x.requires_grad() ? weight.value() : Tensor();
  const auto data = x.requires_grad() ? door.phase("backward_data") : Phase<Conv3dKernels<T>>();
  const auto weights = door.phase("backward_weights");
  return record("conv3d", y, {x, weight, bias}, [=](Gradients& g) {
    const MaskedGradient<T> grad_y{g.upstream().device_view5<const T>()};
    const auto x_view = [&]() -> ChannelParts<const T> {
      return {saved_x.defined() ? saved_x.device_view5<const T>() : View5<const T>{}};
    };
    const auto to_x = [&](const Conv3dKernels<T>& kernels) -> Conv3dGradX<T> {
      // A fused kernel can overwrite what holds no gradient yet; the others add to zeros.
      const Gradients::Destination to =
          kernels.fused ? g.destination(0) : Gradients::Destination{g.grad_of(0), true};
      return {{to.buffer.template device_view5<T>()}, to.add};
    };
    const auto to_weights = [&] {
      Conv3dGradWeights<T> to;
      if (g.needs(1)) to.weight = g.grad_of(1).device_view5<T>();
      if (g.needs(2)) to.bias = g.grad_of(2).device_view<T, 1>();
      return to;
    };
    conv3d_backward(
        data, weights, g.needs(0), g.needs(1) || g.needs(2), grad_y, params, x_view,
        [&] { return saved_weight.device_view5<const T>(); }, to_x, to_weights);
  });
}

}  // namespace

Shape conv3d_shape(const Shape& x, DType dtype, const Variable& weight, const Variable& bias,
                   const Conv3dParams& params) {
  const auto text = [&] {
    return fmt::format("x={}{} weight={}", name_of(dtype), x.str(), weight.value().str());
  };
  if (x.rank() != 5) throw ShapeError("[conv3d] x must be [N,C,D,H,W]: {}", text());
  if (weight.shape().rank() != 5) throw ShapeError("[conv3d] weight must be [O,C,kd,kh,kw]: {}", text());
  if (!is_floating(dtype)) throw ShapeError("[conv3d] x must be f32 or f64: {}", text());
  if (weight.dtype() != dtype) throw ShapeError("[conv3d] x and weight differ in type: {}", text());
  if (weight.shape()[1] != x[1]) {
    throw ShapeError("[conv3d] weight expects {} input channels, x has {}: {}", weight.shape()[1], x[1],
                     text());
  }
  if (bias.defined() && (bias.shape() != Shape{weight.shape()[0]} || bias.dtype() != dtype)) {
    throw ShapeError("[conv3d] bias must be {}[{}]: bias={} {}", name_of(dtype), weight.shape()[0],
                     bias.value().str(), text());
  }
  Shape y = x.with(1, weight.shape()[0]);
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t stride = params.stride[a], padding = params.padding[a];
    const int64_t extent = x[axis + 2], kernel = weight.shape()[axis + 2];
    const char letter = "DHW"[axis];
    if (stride < 1) throw ShapeError("[conv3d] stride along {} must be at least 1, is {}", letter, stride);
    if (padding < 0) throw ShapeError("[conv3d] padding along {} must be at least 0, is {}", letter, padding);
    if (kernel < 1 || kernel > extent + 2 * padding) {
      throw ShapeError("[conv3d] kernel {} along {} does not fit into {} + 2 x padding {}: {}", kernel,
                       letter, extent, padding, text());
    }
    y = y.with(axis + 2, (extent + 2 * padding - kernel) / stride + 1);
  }
  return y;
}

Variable conv3d(const Variable& x, const Variable& weight, const Variable& bias, const Conv3dParams& params) {
  const Shape y = conv3d_shape(x.shape(), x.dtype(), weight, bias, params);
  return dispatch_floating(x.dtype(), "conv3d",
                           [&]<class T>() { return run<T>(x, weight, bias, params, y); });
}

Conv3d::Conv3d(Initialiser& initialiser, int64_t n_in, int64_t n_out, std::array<int64_t, 3> kernel,
               const Conv3dParams& params)
    : params_(params) {
  const Shape shape{n_out, n_in, kernel[0], kernel[1], kernel[2]};
  const int64_t fan_in = n_in * kernel[0] * kernel[1] * kernel[2];
  weight_ = register_parameter("weight", initialiser.fan_in_uniform(shape, fan_in));
  bias_ = register_parameter("bias", initialiser.fan_in_uniform({n_out}, fan_in));
}

Variable Conv3d::operator()(const Variable& x) const {
  const LayerName layer(name());
  return conv3d(x, weight_, bias_, params_);
}

}  // namespace primal
