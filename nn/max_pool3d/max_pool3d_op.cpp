// What verify, check and the tests know of max_pool3d.
#include "autograd/differentiable_op.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/max_pool3d/max_pool3d_kernels.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "a row of outputs at a time, tap by tap"};
constexpr ImplementationInfo kWindows{"windows", "one thread for each window, back one for each cell"};

}  // namespace

template <>
std::span<const DeviceKernels<MaxPool3dKernels<float>>> max_pool3d_kernels<float>() {
  static const DeviceKernels<MaxPool3dKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kWindows, max_pool3d_windows),
      {kPlain, {cpu::max_pool3d_forward<float>, cpu::max_pool3d_backward<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<MaxPool3dKernels<double>>> max_pool3d_kernels<double>() {
  static constexpr DeviceKernels<MaxPool3dKernels<double>> kernels[] = {
      {kPlain, {cpu::max_pool3d_forward<double>, cpu::max_pool3d_backward<double>}}};
  return kernels;
}

namespace {

MaxPool3dParams params_of(const Attributes& attrs) {
  MaxPool3dParams params;
  params.kernel = attribute_triple(attrs, "kernel", params.kernel);
  params.stride = attribute_triple(attrs, "stride", params.kernel);
  params.padding = attribute_triple(attrs, "padding", params.padding);
  return params;
}

OpCase pooling_case(std::string name, Attributes attrs, Shape x) {
  // Values without ties, far enough apart for central differences.
  return {std::move(name), std::move(attrs), {{"x", x, OpInput::Fill::distinct}}};
}

}  // namespace

PhaseCosts max_pool3d_cost(const Shape& x, const Shape& y, const MaxPool3dParams& params) {
  const double n = elements_of(y);
  const auto cells = static_cast<double>(params.kernel[0] * params.kernel[1] * params.kernel[2]);
  return map_cost(elements_of(x), n, (cells - 1.0) * n, n, n);
}

OpInfo max_pool3d_info() {
  OpInfo info;
  info.name = "max_pool3d";
  info.equation = "y[n,c,d,h,w] = max over (i,j,k) of x[n,c, d sd + i - pd, h sh + j - ph, w sw + k - pw]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", max_pool3d(required(inputs, "x"), params_of(attrs))}};
  });
  info.cost = [](const OpShapes& s) { return max_pool3d_cost(s.in("x"), s.out(), params_of(s.attrs)); };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {
      pooling_case("one_cell", {{"kernel", {1, 1, 1}}}, {1, 1, 1, 1, 1}),
      pooling_case("halving", {{"kernel", {1, 2, 2}}}, {2, 3, 1, 8, 6}),
      pooling_case("odd_extents", {{"kernel", {2, 2, 2}}}, {2, 2, 5, 7, 3}),
      pooling_case("kernel_above_stride", {{"kernel", {1, 3, 3}}, {"stride", {1, 2, 2}}}, {1, 2, 2, 7, 9}),
      pooling_case("stride_above_kernel", {{"kernel", {1, 2, 1}}, {"stride", {2, 3, 2}}}, {1, 2, 3, 8, 5}),
      pooling_case("padded", {{"kernel", {3, 3, 2}}, {"stride", {2, 1, 3}}, {"padding", {1, 1, 1}}},
                   {1, 2, 4, 5, 6}),
      pooling_case("padding_on_one_axis",
                   {{"kernel", {1, 2, 3}}, {"stride", {1, 2, 2}}, {"padding", {0, 0, 1}}}, {1, 1, 2, 4, 7}),
      pooling_case("window_larger_than_volume", {{"kernel", {2, 4, 5}}, {"padding", {1, 2, 2}}},
                   {1, 2, 1, 2, 3}),
      pooling_case("several_blocks", {{"kernel", {1, 2, 2}}}, {2, 3, 1, 40, 46}),
      pooling_case("empty_batch", {{"kernel", {1, 2, 2}}}, {0, 3, 1, 4, 4}),
  };
  info.stages = {
      pooling_case("encoder0", {{"kernel", {1, 2, 2}}}, {1, 32, 1, 256, 256}),
      pooling_case("encoder1", {{"kernel", {1, 2, 2}}}, {1, 64, 1, 128, 128}),
      pooling_case("encoder2", {{"kernel", {1, 2, 2}}}, {1, 128, 1, 64, 64}),
  };
  info.implementations = infos_of(max_pool3d_kernels<float>());
  return info;
}

}  // namespace primal
