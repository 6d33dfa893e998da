// The ladder of max_pool3d, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

constexpr const MaxPool3dImplementation<float>* kF32[] = {
    PRIMAL_DEVICES(max_pool3d_windows), &cpu::max_pool3d_simd, &cpu::max_pool3d_reference_f32};
constexpr const MaxPool3dImplementation<double>* kF64[] = {&cpu::max_pool3d_reference_f64};

}  // namespace

const Ladder<MaxPool3dImplementation> max_pool3d_ladder{kF32, kF64};

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
  return names_supporting(max_pool3d_ladder.f32, max_pool3d_geometry(text), kind);
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
      pooling_case("halving_padded", {{"kernel", {1, 2, 2}}, {"padding", {0, 1, 1}}}, {2, 2, 1, 7, 20}),
      pooling_case("stride_one", {{"kernel", {2, 2, 2}}, {"stride", {1, 1, 1}}}, {1, 2, 3, 5, 6}),
      pooling_case("gaps_and_padding", {{"kernel", {2, 3, 2}}, {"stride", {3, 4, 5}}, {"padding", {1, 0, 1}}},
                   {2, 1, 5, 9, 11}),
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
  info.implementations = infos_of(max_pool3d_ladder.f32);
  return info;
}

}  // namespace primal
