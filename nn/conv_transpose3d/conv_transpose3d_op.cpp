// The ladder of conv_transpose3d, and what verify, check and the tests know of it.
#include <algorithm>

#include "autograd/differentiable_op.h"
#include "nn/conv_transpose3d/conv_transpose3d.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

constexpr const ConvTranspose3dImplementation<float>* kF32[] = {PRIMAL_DEVICES(conv_transpose3d_direct),
                                                                &cpu::conv_transpose3d_phased,
                                                                &cpu::conv_transpose3d_reference_f32};
constexpr const ConvTranspose3dImplementation<double>* kF64[] = {&cpu::conv_transpose3d_reference_f64};

using Triple = std::array<int64_t, 3>;

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
      make_case("padding_beyond_half_the_kernel", {2, 2, 1, 5, 6}, 3, {1, 3, 2}, {1, 1, 2}, {0, 2, 1},
                {0, 0, 0}),
      make_case("every_option_by_axis", {2, 3, 3, 2, 4}, 2, {2, 4, 3}, {3, 1, 2}, {0, 2, 1}, {2, 0, 1}),
      make_case("stride_larger_than_padded_kernel", {1, 2, 2, 3, 4}, 2, {2, 1, 2}, {3, 4, 3}, {1, 0, 1},
                {0, 3, 2}),
      make_case("planes", {2, 3, 2, 4, 5}, 2, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}),
      make_case("one_output_channel", {2, 5, 1, 6, 19}, 1, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}),
      make_case("four_and_one_channels", {1, 9, 1, 5, 6}, 5, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}),
      make_case("stride_3_of_one_tap", {1, 2, 1, 3, 4}, 2, {1, 1, 1}, {1, 3, 3}, {0, 0, 0}, {0, 2, 2}),
      make_case("empty_batch", {0, 3, 1, 4, 4}, 2, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}),
  };
  OpCase no_bias = make_case("no_bias", {1, 2, 1, 4, 5}, 3, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0});
  no_bias.inputs.pop_back();
  cases.push_back(std::move(no_bias));
  return cases;
}

// Both throw DataError: the text comes from a file.
OpCase case_of(const std::string& text) {
  const ConvTranspose3dGeometry g = conv_transpose3d_geometry(text);
  return make_case(text, g.x, g.weight[1], {g.weight[2], g.weight[3], g.weight[4]}, g.params.stride,
                   g.params.padding, g.params.output_padding);
}

std::vector<std::string> supporting(const std::string& text, Device::Kind kind) {
  return names_supporting(conv_transpose3d_ladder.f32, conv_transpose3d_geometry(text), kind);
}

}  // namespace

const Ladder<ConvTranspose3dImplementation> conv_transpose3d_ladder{kF32, kF64};

std::string key(const ConvTranspose3dGeometry& g) {
  const auto triple = [](const Triple& t) { return fmt::format("{},{},{}", t[0], t[1], t[2]); };
  return fmt::format("n{} c{} o{} d{} h{} w{} k{},{},{} s{} p{} q{}", g.x[0], g.x[1], g.weight[1], g.x[2],
                     g.x[3], g.x[4], g.weight[2], g.weight[3], g.weight[4], triple(g.params.stride),
                     triple(g.params.padding), triple(g.params.output_padding));
}

ConvTranspose3dGeometry conv_transpose3d_geometry(const std::string& text) {
  const GeometryText words("conv_transpose3d", text);
  const Triple kernel = words.three("k");
  ConvTranspose3dGeometry g;
  try {
    g.x = Shape{words.one("n"), words.one("c"), words.one("d"), words.one("h"), words.one("w")};
    g.weight = Shape{words.one("c"), words.one("o"), kernel[0], kernel[1], kernel[2]};
  } catch (const ShapeError& error) {
    words.fail(error.what());
  }
  g.params = {words.three("s"), words.three("p"), words.three("q")};
  for (size_t a = 0; a < 3; ++a) {
    const int64_t extent = g.x[static_cast<int>(a) + 2], stride = g.params.stride[a],
                  extra = g.params.output_padding[a];
    if (extent < 1 || kernel[a] < 1 || stride < 1 || extra >= stride ||
        (extent - 1) * stride - 2 * g.params.padding[a] + kernel[a] + extra < 1) {
      words.fail(fmt::format("nothing is left along {}", "DHW"[a]));
    }
  }
  if (key(g) != text) words.fail(fmt::format("the canonical form is '{}'", key(g)));
  return g;
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
  info.stages = {
      make_case("decoder_2x", {1, 64, 1, 64, 64}, 32, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0}),
      make_case("casting_decoder0", {1, 256, 1, 38, 38}, 128, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1})};
  info.cost = [](const OpShapes& s) { return conv_transpose3d_cost(s.in("x"), s.in("weight"), s.out()); };
  info.linear_in = {"x", "weight", "bias"};
  info.geometry = {case_of, supporting};
  info.implementations = infos_of(conv_transpose3d_ladder.f32);
  return info;
}

}  // namespace primal
