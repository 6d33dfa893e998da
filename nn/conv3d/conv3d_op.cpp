// What verify, check, the tests and the benches know of conv3d, and its ladder of implementations.
#include "autograd/differentiable_op.h"
#include "nn/conv3d/conv3d.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "tensor/error.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

using Triple = std::array<int64_t, 3>;

// Our own kernels have not been measured on a device yet, so there the libraries come first, where they are.
constexpr const Conv3dImplementation<float>* kF32[] = {
#if PRIMAL_HAS_CUBLASLT
    &cuda::conv3d_cublaslt,
#endif
#if PRIMAL_HAS_CUDNN
    &cuda::conv3d_cudnn,
    &cuda::conv3d_cudnn_gemm,
    &cuda::conv3d_cudnn_winograd,
    &cuda::conv3d_cudnn_fft,
    &cuda::conv3d_cudnn_graph,
#endif
    PRIMAL_DEVICES(conv3d_tensor_core),  // with --precision tf32 only
    PRIMAL_DEVICES(conv3d_tiled),
    PRIMAL_DEVICES(conv3d_direct),
    &cpu::conv3d_winograd,
    &cpu::conv3d_streamed,
    &cpu::conv3d_one_channel,
    &cpu::conv3d_winograd_volume,
    &cpu::conv3d_blocked,
    &cpu::conv3d_phased,
    &cpu::conv3d_reference_f32,
    // After what can do everything on devices, so by name or plan only, until a device has measured it.
    PRIMAL_DEVICES(conv3d_tensor_core_3x),
// After the reference, so by name or plan only: results do not depend on what a machine has installed.
#if PRIMAL_HAS_ONEDNN
    &cpu::conv3d_onednn,
#endif
};
constexpr const Conv3dImplementation<double>* kF64[] = {&cpu::conv3d_reference_f64};

OpCase make_case(std::string name, Shape x, int64_t n_out, Triple kernel, Triple stride, Triple padding) {
  OpCase op_case;
  op_case.name = std::move(name);
  op_case.attrs = {{"stride", stride}, {"padding", padding}};
  const Shape weight{n_out, x[1], kernel[0], kernel[1], kernel[2]};
  op_case.inputs = {{"x", x}, {"weight", weight}, {"bias", Shape{n_out}}};
  return op_case;
}

OpCase square(std::string name, Shape x, int64_t n_out) {
  return make_case(std::move(name), x, n_out, {1, 3, 3}, {1, 1, 1}, {0, 1, 1});
}

OpCase cube(std::string name, Shape x, int64_t n_out) {
  return make_case(std::move(name), x, n_out, {3, 3, 3}, {1, 1, 1}, {1, 1, 1});
}

OpCase pointwise(std::string name, Shape x, int64_t n_out) {
  return make_case(std::move(name), x, n_out, {1, 1, 1}, {1, 1, 1}, {0, 0, 0});
}

std::vector<OpCase> corner_cases() {
  std::vector<OpCase> cases{
      make_case("full_3x3x3", {2, 3, 4, 5, 6}, 2, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}),
      make_case("stride_2", {2, 3, 5, 7, 8}, 2, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}),
      make_case("stride_4", {1, 2, 1, 14, 13}, 3, {1, 3, 3}, {1, 4, 4}, {0, 1, 1}),
      make_case("kernel_larger_than_stride", {1, 2, 5, 9, 7}, 2, {4, 5, 3}, {3, 2, 1}, {0, 0, 0}),
      make_case("stride_larger_than_kernel", {1, 2, 5, 7, 9}, 2, {1, 2, 1}, {2, 3, 4}, {0, 0, 0}),
      make_case("padding_on_one_axis", {1, 2, 3, 4, 5}, 2, {2, 3, 1}, {1, 1, 1}, {0, 2, 0}),
      make_case("padding_beyond_the_kernel", {1, 1, 1, 3, 3}, 2, {1, 2, 2}, {1, 1, 1}, {0, 3, 3}),
      make_case("kernel_covers_input", {2, 2, 2, 3, 4}, 3, {2, 3, 4}, {1, 1, 1}, {0, 0, 0}),
      make_case("stride_by_axis", {1, 3, 5, 8, 9}, 4, {3, 3, 3}, {2, 1, 3}, {1, 0, 2}),
      make_case("7x7_strided", {1, 2, 1, 13, 12}, 3, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}),
      make_case("along_frames", {2, 3, 4, 3, 5}, 4, {3, 1, 1}, {1, 1, 1}, {1, 0, 0}),
      make_case("3x3_no_padding", {2, 9, 1, 11, 13}, 10, {1, 3, 3}, {1, 1, 1}, {0, 0, 0}),
      make_case("3x3_rows_padded", {1, 17, 1, 9, 12}, 9, {1, 3, 3}, {1, 1, 1}, {0, 1, 0}),
      make_case("3x3_columns_padded", {1, 1, 1, 9, 40}, 9, {1, 3, 3}, {1, 1, 1}, {0, 0, 1}),
      make_case("3x3_padding_2", {1, 9, 1, 8, 10}, 8, {1, 3, 3}, {1, 1, 1}, {0, 2, 2}),
      make_case("3x3_frames_padded", {1, 4, 2, 8, 10}, 8, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}),
      make_case("3x3_one_stride", {1, 9, 1, 8, 11}, 8, {1, 3, 3}, {1, 1, 2}, {0, 1, 1}),
      square("one_pixel", {1, 1, 1, 1, 1}, 1),
      square("one_row", {1, 2, 1, 1, 37}, 3),
      square("one_column", {1, 2, 1, 37, 1}, 3),
      square("odd_extents", {2, 5, 3, 7, 11}, 9),
      square("width_past_a_patch", {1, 2, 1, 3, 299}, 3),
      square("many_patches", {1, 1, 1, 45, 50}, 2),
      square("one_channel", {2, 1, 2, 19, 23}, 5),
      square("one_wide_channel", {1, 1, 1, 2, 401}, 3),
      square("many_bands", {1, 100, 1, 40, 3}, 2),
      // More tiles than the weight gradient on devices has parts: a block goes through two of them.
      square("two_tiles_in_a_part", {1, 2, 1, 531, 3}, 5),
      square("wide_channels", {1, 40, 1, 5, 16}, 72),
      square("odd_tiles", {1, 17, 1, 9, 13}, 18),
      square("empty_batch", {0, 3, 1, 4, 4}, 2),
      cube("cube_one_cell", {1, 1, 1, 1, 1}, 1),
      cube("cube_odd", {2, 5, 5, 7, 11}, 9),
      cube("cube_short_rows", {1, 2, 3, 22, 1}, 3),
      cube("cube_one_channel", {1, 1, 6, 9, 17}, 5),
      cube("cube_long_rows", {1, 1, 2, 3, 290}, 2),
      cube("cube_wide", {1, 17, 4, 5, 9}, 18),
      cube("cube_empty_batch", {0, 3, 2, 4, 4}, 2),
      pointwise("pointwise", {2, 7, 2, 5, 6}, 10),
      pointwise("pointwise_head", {1, 32, 1, 17, 16}, 2),
      pointwise("pointwise_long", {1, 3, 2, 31, 41}, 5),
      pointwise("pointwise_few_long", {1, 5, 2, 31, 41}, 3),
      pointwise("pointwise_four", {1, 9, 1, 7, 5}, 4),
      pointwise("pointwise_one", {1, 1, 1, 1, 3}, 1),
      pointwise("pointwise_empty_batch", {0, 3, 1, 4, 4}, 2),
      make_case("pointwise_strided", {2, 5, 2, 7, 9}, 3, {1, 1, 1}, {1, 2, 3}, {0, 0, 0}),
      make_case("pointwise_padded", {2, 5, 1, 7, 9}, 3, {1, 1, 1}, {1, 1, 1}, {0, 1, 2}),
  };
  // In each kind of geometry that an implementation of its own may take.
  for (OpCase no_bias :
       {square("no_bias", {1, 2, 1, 4, 5}, 3), square("no_bias_wide", {1, 17, 1, 10, 21}, 19),
        square("no_bias_one_channel", {1, 1, 1, 9, 35}, 8),
        pointwise("no_bias_pointwise", {2, 9, 1, 6, 11}, 3), cube("no_bias_cube", {1, 3, 5, 6, 7}, 4),
        make_case("no_bias_strided", {1, 3, 1, 9, 8}, 4, {1, 3, 3}, {1, 2, 2}, {0, 1, 1})}) {
    no_bias.inputs.pop_back();
    cases.push_back(std::move(no_bias));
  }
  return cases;
}

// The convolutions of the thesis network on 256 x 256 pixels, named after their place in it; and of
// nn/dynamic_tv on 32 frames of 36 x 36 pixels: v, its level and what the convolution is.
std::vector<OpCase> unet_stages() {
  const auto image = [](int64_t channels, int64_t side) { return Shape{1, channels, 1, side, side}; };
  std::vector<OpCase> stages{
      square("e0a", image(1, 256), 32),     square("e0b", image(32, 256), 32),
      square("e1a", image(32, 128), 64),    square("e1b", image(64, 128), 64),
      square("e2a", image(64, 64), 128),    square("e2b", image(128, 64), 128),
      square("e3a", image(128, 32), 256),   square("e3b", image(256, 32), 256),
      pointwise("u2", image(256, 32), 128), square("d2a", image(256, 64), 128),
      square("d2b", image(128, 64), 128),   pointwise("u1", image(128, 64), 64),
      square("d1a", image(128, 128), 64),   square("d1b", image(64, 128), 64),
      pointwise("u0", image(64, 128), 32),  square("d0a", image(64, 256), 32),
      square("d0b", image(32, 256), 32),    pointwise("out", image(32, 256), 2),
      cube("v0a", {1, 1, 44, 44, 48}, 16),  cube("v0b", {1, 16, 44, 44, 48}, 16),
      cube("v0d", {1, 32, 44, 44, 48}, 16), cube("v1b", {1, 32, 22, 22, 24}, 32),
      cube("v2b", {1, 64, 11, 11, 12}, 64),
  };
  stages.front().inputs.front().differentiable = false;  // the picture
  return stages;
}

// Both throw DataError: the text comes from a file.
OpCase case_of(const std::string& text) {
  const Conv3dGeometry g = conv3d_geometry(text);
  const auto extent = [&](int axis) { return g.weight[axis]; };
  OpCase op_case =
      make_case(text, g.x, extent(0), {extent(2), extent(3), extent(4)}, g.params.stride, g.params.padding);
  op_case.inputs.front().differentiable = g.x[1] > 1;  // one channel: the picture itself
  return op_case;
}

std::vector<std::string> supporting(const std::string& text, Device::Kind kind) {
  return names_supporting(conv3d_ladder.f32, conv3d_geometry(text), kind);
}

}  // namespace

const Ladder<Conv3dImplementation> conv3d_ladder{kF32, kF64};

std::string key(const Conv3dGeometry& g) {
  const auto triple = [](const Triple& t) { return fmt::format("{},{},{}", t[0], t[1], t[2]); };
  return fmt::format("n{} c{} o{} d{} h{} w{} k{},{},{} s{} p{}", g.x[0], g.x[1], g.weight[0], g.x[2], g.x[3],
                     g.x[4], g.weight[2], g.weight[3], g.weight[4], triple(g.params.stride),
                     triple(g.params.padding));
}

Conv3dGeometry conv3d_geometry(const std::string& text) {
  const GeometryText words("conv3d", text);
  const Triple kernel = words.three("k");
  Conv3dGeometry g;
  try {
    g.x = Shape{words.one("n"), words.one("c"), words.one("d"), words.one("h"), words.one("w")};
    g.weight = Shape{words.one("o"), words.one("c"), kernel[0], kernel[1], kernel[2]};
  } catch (const ShapeError& error) {
    words.fail(error.what());
  }
  g.params = {words.three("s"), words.three("p")};
  for (size_t a = 0; a < 3; ++a) {
    if (g.params.stride[a] < 1 || kernel[a] < 1 ||
        kernel[a] > g.x[static_cast<int>(a) + 2] + 2 * g.params.padding[a]) {
      words.fail(fmt::format("its kernel does not fit along {}", "DHW"[a]));
    }
  }
  if (key(g) != text) words.fail(fmt::format("the canonical form is '{}'", key(g)));
  return g;
}

PhaseCosts conv3d_cost(const Shape& x, const Shape& weight, const Shape& y) {
  const double nx = elements_of(x), nw = elements_of(weight), ny = elements_of(y);
  const double o = static_cast<double>(weight[0]), taps = nw / std::max(o, 1.0);  // of one output: C kd kh kw
  const double flops = 2.0 * taps * ny;
  return {{"forward", {flops, f32_bytes(nx + nw + o + ny)}},
          {"backward_data", {flops, f32_bytes(ny + nw + nx)}},
          {"backward_weights", {flops, f32_bytes(nx + ny + nw + o)}}};
}

OpInfo conv3d_info() {
  OpInfo info;
  info.name = "conv3d";
  info.equation =
      "y[n,o,a,b,e] = bias[o] + sum of weight[o,c,i,j,k] x[n, c, a sd + i - pd, b sh + j - ph, e sw + k - "
      "pw]";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    const Conv3dParams params{attribute_triple(attrs, "stride", {1, 1, 1}),
                              attribute_triple(attrs, "padding", {0, 0, 0})};
    return {
        {"y", conv3d(required(inputs, "x"), required(inputs, "weight"), optional(inputs, "bias"), params)}};
  });
  info.judge = judge_relative_l2(2e-6, 5e-6);
  info.corner_cases = corner_cases();
  info.stages = unet_stages();
  info.linear_in = {"x", "weight", "bias"};
  info.cost = [](const OpShapes& s) { return conv3d_cost(s.in("x"), s.in("weight"), s.out()); };
  info.geometry = {case_of, supporting};
  info.implementations = infos_of(conv3d_ladder.f32);
  return info;
}

}  // namespace primal
