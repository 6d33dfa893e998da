// The ladder of upsample3d, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/upsample3d/upsample3d.h"
#include "nn/upsample3d/upsample3d_kernels.h"

namespace primal {
namespace {

constexpr const Upsample3dImplementation<float>* kF32[] = {
    PRIMAL_DEVICES(upsample3d_taps), &cpu::upsample3d_simd, &cpu::upsample3d_reference_f32};
constexpr const Upsample3dImplementation<double>* kF64[] = {&cpu::upsample3d_reference_f64};

}  // namespace

const Ladder<Upsample3dImplementation> upsample3d_ladder{kF32, kF64};

std::string key(const Upsample3dGeometry& g) { return g.x.str() + " to " + g.y.str(); }

namespace {

Upsample3dParams params_of(const Attributes& attrs) {
  Upsample3dParams params;
  params.scale = attribute_triple(attrs, "scale", {1, 1, 1});
  if (attrs.contains("size")) params.size = attribute_triple(attrs, "size", {});
  const std::string mode = attrs.value("mode", "nearest");
  if (mode != "nearest" && mode != "trilinear")
    throw DataError("[upsample3d] mode expects nearest or trilinear, found '{}'", mode);
  params.mode = mode == "nearest" ? UpsampleMode::nearest : UpsampleMode::trilinear;
  params.align_corners = attrs.value("align_corners", false);
  if (attrs.contains("whole")) {
    params.window = {.whole = attribute_triple(attrs, "whole", {}),
                     .x_begin = attribute_triple(attrs, "x_begin", {})};
    const auto begin = attribute_triple(attrs, "y_begin", {}), end = attribute_triple(attrs, "y_end", {});
    for (size_t a = 0; a < 3; ++a) params.window->y[a] = {begin[a], end[a]};
  }
  return params;
}

OpCase upsampling_case(std::string name, Attributes attrs, Shape x) {
  return {std::move(name), std::move(attrs), {{"x", x}}};
}

}  // namespace

PhaseCosts upsample3d_cost(const Shape& x, const Shape& y, UpsampleMode mode) {
  double flops = 0.0;
  Shape between = x;
  for (int axis = 4; axis >= 2; --axis) {
    if (x[axis] == y[axis]) continue;
    between = between.with(axis, y[axis]);
    if (mode == UpsampleMode::trilinear) flops += 3.0 * elements_of(between);
  }
  return map_cost(elements_of(x), elements_of(y), flops, flops);
}

OpInfo upsample3d_info() {
  OpInfo info;
  info.name = "upsample3d";
  info.equation = "y = (A_D x A_H x A_W) x, one interpolation matrix per axis";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    return {{"y", upsample3d(required(inputs, "x"), params_of(attrs))}};
  });
  info.cost = [](const OpShapes& s) { return upsample3d_cost(s.in("x"), s.out(), params_of(s.attrs).mode); };
  info.judge = judge_relative_l2(1e-6, 1e-6);
  const Attributes nearest = {{"scale", {1, 2, 2}}, {"mode", "nearest"}};
  const Attributes half = {{"scale", {1, 2, 2}}, {"mode", "trilinear"}, {"align_corners", false}};
  const Attributes aligned = {{"scale", {1, 2, 2}}, {"mode", "trilinear"}, {"align_corners", true}};
  const auto with = [](Attributes attrs, const char* key, Attribute value) {
    attrs[key] = std::move(value);
    return attrs;
  };
  const auto window = [](Attributes attrs, Attribute whole, Attribute x_begin, Attribute y_begin,
                         Attribute y_end) {
    attrs.update({{"whole", std::move(whole)},
                  {"x_begin", std::move(x_begin)},
                  {"y_begin", std::move(y_begin)},
                  {"y_end", std::move(y_end)}});
    return attrs;
  };
  info.corner_cases = {
      upsampling_case("one_cell", aligned, {1, 1, 1, 1, 1}),
      upsampling_case("one_row_half_pixel", half, {2, 1, 1, 1, 5}),
      upsampling_case("aligned", aligned, {2, 3, 1, 3, 4}),
      upsampling_case("half_pixel", half, {2, 3, 1, 4, 3}),
      upsampling_case("nearest", nearest, {2, 3, 1, 4, 3}),
      upsampling_case("every_axis_aligned", with(aligned, "scale", {2, 3, 4}), {1, 2, 3, 2, 4}),
      upsampling_case("every_axis_half_pixel", with(half, "scale", {3, 2, 5}), {1, 2, 2, 3, 4}),
      upsampling_case("every_axis_nearest", with(nearest, "scale", {2, 3, 1}), {1, 2, 2, 3, 4}),
      upsampling_case("one_axis", with(aligned, "scale", {1, 1, 3}), {1, 2, 2, 3, 4}),
      upsampling_case("frames_aligned", with(aligned, "scale", {3, 1, 1}), {2, 2, 3, 2, 3}),
      upsampling_case("rows_half_pixel", with(half, "scale", {1, 4, 1}), {2, 2, 2, 3, 4}),
      upsampling_case("smaller_size_aligned", with(aligned, "size", {2, 2, 4}), {1, 2, 3, 7, 5}),
      upsampling_case("smaller_size_nearest", with(nearest, "size", {1, 3, 2}), {1, 2, 3, 7, 5}),
      upsampling_case("no_axis", with(aligned, "scale", {1, 1, 1}), {1, 2, 2, 3, 4}),
      upsampling_case("odd_size_aligned", with(aligned, "size", {1, 7, 5}), {1, 2, 1, 3, 3}),
      upsampling_case("odd_size_half_pixel", with(half, "size", {2, 7, 5}), {1, 2, 1, 3, 3}),
      upsampling_case("odd_size_nearest", with(nearest, "size", {1, 7, 5}), {1, 2, 1, 3, 3}),
      upsampling_case("smaller_size", with(half, "size", {1, 2, 3}), {1, 2, 2, 7, 5}),
      upsampling_case("many_vectors", aligned, {2, 3, 1, 35, 70}),
      upsampling_case("many_vectors_half_pixel", with(half, "scale", {2, 2, 3}), {1, 2, 2, 3, 41}),
      upsampling_case("many_vectors_nearest", with(nearest, "scale", {1, 2, 4}), {1, 2, 1, 2, 37}),
      upsampling_case("doubled_many_vectors", nearest, {2, 3, 2, 5, 37}),
      upsampling_case("doubled_one_cell", nearest, {2, 3, 1, 1, 1}),
      upsampling_case("far_apart", with(half, "size", {1, 2, 19}), {1, 2, 1, 3, 200}),
      upsampling_case("several_blocks", aligned, {2, 3, 1, 14, 19}),
      upsampling_case("empty_batch", aligned, {0, 3, 1, 4, 4}),
      upsampling_case("window_aligned", window(aligned, {1, 9, 12}, {0, 3, 5}, {0, 8, 11}, {1, 13, 18}),
                      {2, 3, 1, 4, 5}),
      upsampling_case("window_at_the_end", window(aligned, {1, 9, 12}, {0, 5, 8}, {0, 11, 17}, {1, 18, 24}),
                      {1, 2, 1, 4, 4}),
      upsampling_case("window_half_pixel", window(half, {1, 9, 12}, {0, 0, 5}, {0, 0, 11}, {1, 6, 18}),
                      {1, 2, 1, 4, 5}),
      upsampling_case("window_of_many_vectors",
                      window(aligned, {1, 9, 90}, {0, 3, 21}, {0, 8, 45}, {1, 13, 133}), {1, 2, 1, 4, 48}),
      upsampling_case("window_nearest", window(nearest, {2, 9, 12}, {1, 3, 5}, {1, 7, 11}, {2, 12, 18}),
                      {1, 2, 1, 3, 5}),
  };
  info.stages = {
      upsampling_case("decoder2", aligned, {1, 256, 1, 32, 32}),
      upsampling_case("decoder1", aligned, {1, 128, 1, 64, 64}),
      upsampling_case("decoder0", aligned, {1, 64, 1, 128, 128}),
  };
  info.linear_in = {"x"};
  info.implementations = infos_of(upsample3d_ladder.f32);
  return info;
}

}  // namespace primal
