// What verify, check and the tests know of conv_transpose3d.
#include "autograd/differentiable_op.h"
#include "nn/conv_transpose3d/conv_transpose3d.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"

namespace primal {
namespace {

using Triple = std::array<int64_t, 3>;

constexpr ImplementationInfo kPlain{kReference, "conv3d's reference with x and y exchanged"};
constexpr ImplementationInfo kDirect{"direct", "conv3d's direct kernels with x and y exchanged"};

OpCase make_case(std::string name, Shape x, int64_t n_out, Triple kernel, Triple stride, Triple padding,
                 Triple output_padding) {
  OpCase op_case;
  op_case.name = std::move(name);
  op_case.attrs = {{"stride", stride}, {"padding", padding}, {"output_padding", output_padding}};
  const Shape weight{x[1], n_out, kernel[0], kernel[1], kernel[2]};
  op_case.inputs = {{"x", x}, {"weight", weight}, {"bias", Shape{n_out}}};
  return op_case;
}

std::vector<OpCase> corner_cases() {
  std::vector<OpCase> cases{
      make_case("one_pixel", {1, 1, 1, 1, 1}, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
      make_case("one_pixel_spread", {2, 3, 1, 1, 1}, 2, {3, 2, 4}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
      make_case("odd_extents", {2, 3, 3, 5, 7}, 2, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}),
      make_case("stride_2", {2, 3, 2, 4, 5}, 2, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}),
      make_case("stride_4", {1, 2, 1, 4, 3}, 3, {1, 3, 3}, {1, 4, 4}, {0, 1, 1}, {0, 3, 2}),
      make_case("kernel_larger_than_stride", {1, 2, 3, 4, 3}, 2, {4, 5, 3}, {3, 2, 1}, {0, 0, 0}, {2, 1, 0}),
      make_case("stride_larger_than_kernel", {1, 2, 2, 3, 3}, 2, {1, 2, 1}, {2, 3, 4}, {0, 0, 0}, {1, 0, 3}),
      make_case("padding_on_one_axis", {1, 2, 3, 4, 5}, 2, {2, 3, 1}, {1, 1, 1}, {0, 2, 0}, {0, 0, 0}),
      make_case("empty_batch", {0, 3, 1, 4, 4}, 2, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}),
  };
  OpCase no_bias = make_case("no_bias", {1, 2, 1, 4, 5}, 3, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0});
  no_bias.inputs.pop_back();
  cases.push_back(std::move(no_bias));
  return cases;
}

}  // namespace

template <>
std::span<const DeviceKernels<ConvTranspose3dKernels<float>>> conv_transpose3d_kernels<float>() {
  static const DeviceKernels<ConvTranspose3dKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kDirect, conv_transpose3d_direct),
      {kPlain,
       {cpu::conv_transpose3d_forward<float>, cpu::conv_transpose3d_backward_data<float>,
        cpu::conv_transpose3d_backward_weights<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<ConvTranspose3dKernels<double>>> conv_transpose3d_kernels<double>() {
  static constexpr DeviceKernels<ConvTranspose3dKernels<double>> kernels[] = {
      {kPlain,
       {cpu::conv_transpose3d_forward<double>, cpu::conv_transpose3d_backward_data<double>,
        cpu::conv_transpose3d_backward_weights<double>}}};
  return kernels;
}

PhaseCosts conv_transpose3d_cost(const Shape& x, const Shape& weight, const Shape& y) {
  const double nx = elements_of(x), nw = elements_of(weight), ny = elements_of(y);
  const double flops = 2.0 * nx * nw / std::max(1.0, static_cast<double>(weight[0]));  // per x: O kd kh kw
  return {{"forward", {flops, f32_bytes(nx + nw + ny)}},
          {"backward", {2.0 * flops, f32_bytes(ny + nw + nx + nx + nw)}}};
}

OpInfo conv_transpose3d_info() {
  OpInfo info;
  info.name = "conv_transpose3d";
  info.equation =
      "y[n,o,d,h,w] = bias[o] + sum of weight[c,o,i,j,k] x[n,c,a,b,e], a sd + i - pd = d, b sh + j - ph = h, "
      "e sw + k - pw = w";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    const ConvTranspose3dParams params{attribute_triple(attrs, "stride", {1, 1, 1}),
                                       attribute_triple(attrs, "padding", {0, 0, 0}),
                                       attribute_triple(attrs, "output_padding", {0, 0, 0})};
    return {{"y", conv_transpose3d(required(inputs, "x"), required(inputs, "weight"),
                                   optional(inputs, "bias"), params)}};
  });
  info.judge = judge_relative_l2(2e-6, 5e-6);
  info.corner_cases = corner_cases();
  info.stages = {make_case("decoder_2x", {1, 64, 1, 64, 64}, 32, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0})};
  info.cost = [](const OpShapes& s) { return conv_transpose3d_cost(s.in("x"), s.in("weight"), s.out()); };
  info.linear_in = {"x", "weight", "bias"};
  info.implementations = infos_of(conv_transpose3d_kernels<float>());
  return info;
}

}  // namespace primal
