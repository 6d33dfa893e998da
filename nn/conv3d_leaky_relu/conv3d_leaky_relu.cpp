#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"

#include <algorithm>

#include "nn/activation/activation.h"
#include "nn/concat/concat.h"
#include "nn/conv3d/conv3d_backward.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

constexpr const char* kName = "conv3d_leaky_relu";

struct Call {
  const std::vector<Variable>& xs;
  const Variable &weight, &bias;
  const Conv3dParams& params;
  double slope;
};

Variable chain(const Call& call) {
  const Variable x = call.xs.size() == 1 ? call.xs.front() : concat(call.xs, 1);
  return leaky_relu(conv3d(x, call.weight, call.bias, call.params), call.slope);
}

// Can the fused kernels take the parts? They see one or two, and want the gradient of both or of none. If
// both are the same tensor, their gradients are one buffer, into which the kernels would add from several
// threads at once.
bool fits_fused(const Call& call) {
  const auto& xs = call.xs;
  const auto fits = [&](const Variable& x) {
    return x.defined() && x.shape().rank() == 5 && x.dtype() == xs.front().dtype() &&
           x.shape().with(1, 0) == xs.front().shape().with(1, 0) &&
           x.requires_grad() == xs.front().requires_grad();
  };
  if (xs.empty() || xs.size() > 2 || !std::ranges::all_of(xs, fits)) return false;
  return xs.size() == 1 || xs[0].value().device_raw() != xs[1].value().device_raw();
}

template <class T>
ChannelParts<const T> parts_of(const std::vector<Tensor>& xs) {
  ChannelParts<const T> channels{xs.front().device_view5<const T>()};
  if (xs.size() == 2) channels.second = xs.back().device_view5<const T>();
  return channels;
}

// The buffers of the parts' gradients. Where one already holds something, both are added to.
template <class T>
std::pair<ChannelParts<T>, bool> gradients_of(const Gradients& g, size_t n_parts) {
  const Gradients::Destination first = g.destination(0);
  ChannelParts<T> grad_x{first.buffer.template device_view5<T>()};
  if (n_parts == 1) return {grad_x, first.add};
  const Gradients::Destination second = g.destination(1);
  grad_x.second = second.buffer.template device_view5<T>();
  if (first.add != second.add) (first.add ? second : first).buffer.fill(0.0);
  return {grad_x, first.add || second.add};
}

template <class T>
Variable run(const Call& call) {
  std::vector<Variable> inputs = call.xs;
  inputs.insert(inputs.end(), {call.weight, call.bias});
  std::vector<Tensor> xs, values;
  for (const Variable& x : call.xs) xs.push_back(x.value());
  for (const Variable& input : inputs) values.push_back(input.defined() ? input.value() : Tensor());
  const Device device = common_device(kName, values);

  int64_t n_channels = 0;
  for (const Tensor& x : xs) n_channels += x.size(1);
  const Conv3dGeometry geometry{xs.front().shape().with(1, n_channels), call.weight.shape(), call.params};
  const Shape y_shape = conv3d_shape(geometry.x, xs.front().dtype(), call.weight, call.bias, call.params);
  // The convolution's own door, so that a plan or --impl for conv3d holds here too; its ranges carry this
  // op's name.
  const Door door(
      "conv3d", conv3d_ladder.of<T>(), geometry, device,
      [&] { return conv3d_cost(geometry.x, geometry.weight, y_shape); }, kName);
  const auto chosen = door.phase("forward");
  if (!chosen.kernels().fused) return chain(call);
  // A plan may have another phase run by one that is not fused.
  const auto fused = [&](const char* name) {
    const auto wanted = door.phase(name);
    return wanted.kernels().fused ? wanted : door.phase_as(name, chosen);
  };

  const OpenPhase forward(chosen);
  const Tensor y = Tensor::empty(y_shape, xs.front().dtype(), device);
  const Tensor weight = call.weight.value();
  const T slope = static_cast<T>(call.slope);
  forward([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
    kernels.forward(
        exec, parts_of<T>(xs), weight.device_view5<const T>(),
        call.bias.defined() ? call.bias.value().template device_view<const T, 1>() : View<const T, 1>{},
        call.params, slope, y.device_view5<T>());
  });
  if (!will_record(inputs)) return Variable(y);
  const auto data = call.xs.front().requires_grad() ? fused("backward_data") : Phase<Conv3dKernels<T>>();
  const auto weights = fused("backward_weights");
  return record(kName, y, inputs, [=, n_parts = xs.size(), params = call.params](Gradients& g) {
    const MaskedGradient<T> grad_y{g.upstream().device_view5<const T>(), y.device_span<const T>().data(),
                                   slope};
    const bool of_weight = g.needs(n_parts), of_bias = g.needs(n_parts + 1);
    const auto to_x = [&](const Conv3dKernels<T>&) -> Conv3dGradX<T> {
      const auto [grad_x, add] = gradients_of<T>(g, n_parts);
      return {grad_x, add};
    };
    const auto to_weights = [&] {
      Conv3dGradWeights<T> to;
      if (of_weight) to.weight = g.grad_of(n_parts).device_view5<T>();
      if (of_bias) to.bias = g.grad_of(n_parts + 1).device_view<T, 1>();
      return to;
    };
    conv3d_backward(
        data, weights, g.needs(0), of_weight || of_bias, grad_y, params, [&] { return parts_of<T>(xs); },
        [&] { return weight.device_view5<const T>(); }, to_x, to_weights);
  });
}

}  // namespace

Variable conv3d_leaky_relu(const std::vector<Variable>& xs, const Variable& weight, const Variable& bias,
                           const Conv3dParams& params, double slope) {
  const Call call{xs, weight, bias, params, slope};
  const bool fused = fits_fused(call) && weight.shape().rank() == 5 && slope >= 0.0;
  return fused ? dispatch_floating(xs.front().dtype(), kName, [&]<class T>() { return run<T>(call); })
               : chain(call);  // which also says what is wrong
}

Variable conv3d_leaky_relu(const std::vector<Variable>& xs, const Conv3d& layer, double slope) {
  const LayerName name(layer.name());
  return conv3d_leaky_relu(xs, layer.weight(), layer.bias(), layer.params(), slope);
}

}  // namespace primal
