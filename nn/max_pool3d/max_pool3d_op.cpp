// What verify, check and the tests know of max_pool3d.
#include "autograd/differentiable_op.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "a row of outputs at a time, tap by tap"};
constexpr ImplementationInfo kSimd{"simd", "a vector of 2 x 2 windows at a time, back a vector of cells"};
constexpr ImplementationInfo kWindows{"windows", "one thread for each window, back one for each cell"};

bool anything(const MaxPool3dGeometry&) { return true; }

}  // namespace

std::string key(const MaxPool3dGeometry& g) {
  const auto triple = [](const std::array<int64_t, 3>& t) {
    return fmt::format("{},{},{}", t[0], t[1], t[2]);
  };
  return fmt::format("n{} c{} d{} h{} w{} k{} s{} p{}", g.x[0], g.x[1], g.x[2], g.x[3], g.x[4],
                     triple(g.params.kernel), triple(g.params.steps()), triple(g.params.padding));
}

MaxPool3dGeometry max_pool3d_geometry(const std::string& text) {
  const GeometryText words("max_pool3d", text);
  MaxPool3dGeometry g;
  g.params = {words.three("k"), words.three("s"), words.three("p")};
  try {
    g.x = Shape{words.one("n"), words.one("c"), words.one("d"), words.one("h"), words.one("w")};
  } catch (const ShapeError& error) {
    words.fail(error.what());
  }
  for (size_t a = 0; a < 3; ++a) {
    const int64_t k = g.params.kernel[a], p = g.params.padding[a];
    if (k < 1 || g.params.steps()[a] < 1 || 2 * p > k || k > g.x[static_cast<int>(a) + 2] + 2 * p)
      words.fail(fmt::format("its windows do not fit along {}", "DHW"[a]));
  }
  if (key(g) != text) words.fail(fmt::format("the canonical form is '{}'", key(g)));
  return g;
}

template <>
std::span<const Implementation<MaxPool3dGeometry, MaxPool3dKernels<float>>> max_pool3d_ladder<float>() {
  static const Implementation<MaxPool3dGeometry, MaxPool3dKernels<float>> ladder[] = {
      PRIMAL_ON_DEVICES(kWindows, anything, max_pool3d_windows),
      {kSimd, cpu::max_pool3d_simd_supports, {cpu::max_pool3d_forward_simd, cpu::max_pool3d_backward_simd}},
      {kPlain, anything, {cpu::max_pool3d_forward<float>, cpu::max_pool3d_backward<float>}}};
  return ladder;
}

template <>
std::span<const Implementation<MaxPool3dGeometry, MaxPool3dKernels<double>>> max_pool3d_ladder<double>() {
  static constexpr Implementation<MaxPool3dGeometry, MaxPool3dKernels<double>> ladder[] = {
      {kPlain, anything, {cpu::max_pool3d_forward<double>, cpu::max_pool3d_backward<double>}}};
  return ladder;
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

// Both throw DataError: the text comes from a file.
OpCase case_of(const std::string& text) {
  const MaxPool3dGeometry g = max_pool3d_geometry(text);
  return pooling_case(
      text, {{"kernel", g.params.kernel}, {"stride", g.params.steps()}, {"padding", g.params.padding}}, g.x);
}

std::vector<std::string> supporting(const std::string& text, Device::Kind kind) {
  return names_supporting(max_pool3d_ladder<float>(), max_pool3d_geometry(text), kind);
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
      pooling_case("one_window", {{"kernel", {1, 2, 2}}}, {1, 1, 1, 2, 2}),
      pooling_case("odd_windows", {{"kernel", {1, 2, 2}}}, {2, 3, 2, 7, 75}),
      pooling_case("several_blocks", {{"kernel", {1, 2, 2}}}, {2, 3, 1, 40, 46}),
      pooling_case("empty_batch", {{"kernel", {1, 2, 2}}}, {0, 3, 1, 4, 4}),
  };
  info.stages = {
      pooling_case("encoder0", {{"kernel", {1, 2, 2}}}, {1, 32, 1, 256, 256}),
      pooling_case("encoder1", {{"kernel", {1, 2, 2}}}, {1, 64, 1, 128, 128}),
      pooling_case("encoder2", {{"kernel", {1, 2, 2}}}, {1, 128, 1, 64, 64}),
  };
  info.geometry = {case_of, supporting};
  info.implementations = infos_of(max_pool3d_ladder<float>());
  return info;
}

}  // namespace primal
