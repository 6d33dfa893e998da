// What verify, check and the tests know of linear.
#include "autograd/differentiable_op.h"
#include "nn/linear/linear.h"
#include "nn/linear/linear_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "dot products and scaled sums along C"};
constexpr ImplementationInfo kTiled{"tiled", "32 x 32 of a product in a block, 4 x 4 in a thread"};

OpCase linear_case(std::string name, Shape x, int64_t n_out) {
  const int64_t n_in = x[-1];
  return {std::move(name), Attributes::object(), {{"x", x}, {"weight", {n_out, n_in}}, {"bias", {n_out}}}};
}

}  // namespace

template <>
std::span<const DeviceKernels<LinearKernels<float>>> linear_kernels<float>() {
  static const DeviceKernels<LinearKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kTiled, linear_tiled),
      {kPlain,
       {cpu::linear_forward<float>, cpu::linear_backward_x<float>, cpu::linear_backward_weight<float>,
        cpu::linear_backward_bias<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<LinearKernels<double>>> linear_kernels<double>() {
  static constexpr DeviceKernels<LinearKernels<double>> kernels[] = {
      {kPlain,
       {cpu::linear_forward<double>, cpu::linear_backward_x<double>, cpu::linear_backward_weight<double>,
        cpu::linear_backward_bias<double>}}};
  return kernels;
}

OpInfo linear_info() {
  OpInfo info;
  info.name = "linear";
  info.equation = "y[n,o] = bias[o] + sum over c of weight[o,c] x[n,c]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes&) -> VariableMap {
    return {{"y", linear(required(inputs, "x"), required(inputs, "weight"), optional(inputs, "bias"))}};
  });
  info.cost = [](const OpShapes& s) {  // 2 per row, input and output; backward as much for x and for weight
    const double nx = elements_of(s.in("x")), nw = elements_of(s.in("weight")), ny = elements_of(s.out());
    const double flops = 2.0 * nx * static_cast<double>(s.in("weight")[0]);
    return PhaseCosts{{"forward", {flops, f32_bytes(nx + nw + ny)}},
                      {"backward", {2.0 * flops, f32_bytes(ny + 2.0 * nx + 2.0 * nw)}}};
  };
  info.judge = judge_relative_l2(2e-6, 5e-6);
  OpCase no_bias = linear_case("no_bias", {3, 5}, 4);
  no_bias.inputs.pop_back();
  info.corner_cases = {
      linear_case("one_number", {1, 1}, 1),
      linear_case("one_row", {7}, 3),
      linear_case("odd_extents", {5, 13}, 7),
      linear_case("leading_axes", {2, 3, 1, 5}, 4),
      no_bias,
      linear_case("several_chunks", {4, 520}, 9),
      linear_case("several_tiles", {33, 3}, 34),
      linear_case("empty_batch", {0, 4}, 3),
  };
  info.stages = {linear_case("head", {8, 4096}, 1024)};
  info.linear_in = {"x", "weight", "bias"};
  info.implementations = infos_of(linear_kernels<float>());
  return info;
}

}  // namespace primal
