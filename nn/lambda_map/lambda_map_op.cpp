// The ladder of lambda_map, and what verify, check and the tests know of it.
#include "autograd/differentiable_op.h"
#include "nn/lambda_map/lambda_map.h"
#include "nn/lambda_map/lambda_map_kernels.h"

namespace primal {
namespace {

constexpr const LambdaMapImplementation<float>* kF32[] = {
    PRIMAL_DEVICES(lambda_map_elementwise), &cpu::lambda_map_simd, &cpu::lambda_map_reference_f32};
constexpr const LambdaMapImplementation<double>* kF64[] = {&cpu::lambda_map_reference_f64};

}  // namespace

const Ladder<LambdaMapImplementation> lambda_map_ladder{kF32, kF64};

std::string key(const LambdaMapGeometry& g) { return g.head.str(); }

PhaseCosts lambda_map_cost(const Shape& lambda) {
  const double n = elements_of(lambda);  // only the channels of head that a map uses are read
  return map_cost(n, n, 5.0 * n, 4.0 * n, n);
}

OpInfo lambda_map_info() {
  OpInfo info;
  info.name = "lambda_map";
  info.equation = "Lambda[n,a] = scale softplus(head[n,channel[a]]), or up_bound sigmoid(.)";
  info.run = differentiable([](const VariableMap& inputs, const Attributes& attrs) -> VariableMap {
    LambdaMapParams params;
    params.channel = attrs.value("channel", params.channel);
    params.up_bound = attrs.value("up_bound", params.up_bound);
    params.scale = attrs.value("scale", params.scale);
    return {{"y", lambda_map(required(inputs, "x"), params)}};
  });
  info.cost = [](const OpShapes& s) { return lambda_map_cost(s.out()); };
  info.judge = judge_relative_l2(2e-6, 2e-6);
  info.corner_cases = {
      {"picture", {}, {{"x", {2, 2, 1, 5, 3}}}},
      {"two_axes", {{"channel", {0, 0}}}, {{"x", {2, 2, 1, 3, 4}}}},
      {"bounded", {{"up_bound", 0.5}}, {{"x", {1, 2, 1, 4, 7}}}},
      {"sequence", {{"channel", {1, 0, 0}}, {"scale", 0.3}}, {{"x", {1, 2, 3, 4, 5}}}},
      {"one_pixel", {{"channel", {0}}}, {{"x", {1, 1, 1, 1, 1}}}},
      {"far_out", {}, {{"x", {1, 2, 1, 6, 6}, OpInput::Fill::uniform, -30.0, 30.0}}},
      {"several_blocks", {{"channel", {1, 1}}}, {{"x", {2, 2, 1, 20, 31}}}},
      {"odd_width_bounded", {{"up_bound", 2.0}, {"channel", {1, 0}}}, {{"x", {2, 3, 1, 7, 23}}}},
      {"bounded_two_axes", {{"up_bound", 0.3}, {"channel", {1, 1}}}, {{"x", {2, 2, 1, 5, 9}}}},
      {"large_scale", {{"scale", 7.0}, {"channel", {1}}}, {{"x", {1, 3, 1, 6, 11}}}},
      {"small_scale", {{"scale", 1e-3}}, {{"x", {1, 2, 1, 6, 11}}}},
      {"bounded_far_out", {{"up_bound", 3.0}}, {{"x", {1, 2, 1, 6, 6}, OpInput::Fill::uniform, -20.0, 10.0}}},
      {"empty_batch", {}, {{"x", {0, 2, 1, 4, 4}}}},
  };
  info.stages = {{"head", {}, {{"x", {1, 2, 1, 256, 256}}}}};
  info.implementations = infos_of(lambda_map_ladder.f32);
  return info;
}

}  // namespace primal
