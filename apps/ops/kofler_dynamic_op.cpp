#include "apps/ops/kofler_dynamic_op.h"

#include <filesystem>
#include <memory>

#include "apps/golden/golden.h"
#include "data/safetensors/safetensors.h"
#include "nn/dynamic_tv/dynamic_tv.h"
#include "nn/unrolled_tv/map_error.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kWeightsFile = "kofler_dynamic_denoising.safetensors";

DynamicTvOptions options_of(const Attributes& attrs) {
  DynamicTvOptions o;
  o.unet.filters = attrs.value("filters", o.unet.filters);
  o.unet.stages = attrs.value("stages", o.unet.stages);
  o.up_bound = attrs.value("up_bound", o.up_bound);
  o.n_iter = attrs.value("T", o.n_iter);
  o.start = start_attribute(attrs, o.start);
  o.norm_bound = attrs.value("L", o.norm_bound);
  o.pad_xy = attrs.value("pad_xy", o.pad_xy);
  o.pad_t = attrs.value("pad_t", o.pad_t);
  return o;
}

DynamicTv::Phase phase_of(const Attributes& attrs) {
  const auto phase = attrs.value("phase", std::string("testing"));
  if (phase == "testing") return DynamicTv::Phase::testing;
  if (phase == "training") return DynamicTv::Phase::training;
  throw DataError("[kofler_dynamic] phase '{}' is neither training nor testing", phase);
}

std::unique_ptr<DynamicTv> model_of(const OpCall& call, DType dtype) {
  Initialiser init(1, dtype, call.device);
  auto model = std::make_unique<DynamicTv>(options_of(call.attrs), init);
  if (call.attrs.contains(kCaseFolder)) {
    const std::filesystem::path folder = call.attrs.at(kCaseFolder).get<std::string>();
    const std::filesystem::path path = folder / kWeightsFile;
    TensorMap weights = Safetensors::read(path).tensors();
    for (auto& [name, weight] : weights) weight = weight.to(dtype);
    model->load_state(weights);
    return model;
  }
  // PyTorch's initialisation gives a small network a map that hardly varies: an error against its spread
  // would measure rounding alone.
  const double gain = call.attrs.value("gain", 1.0);
  for (const auto& [name, parameter] : model->parameters()) {
    if (!name.ends_with("weight")) continue;
    const Tensor weight = parameter.value().to(Device{}).clone();
    dispatch_floating(dtype, "kofler_dynamic", [&]<class T>() {
      for (T& w : weight.span<T>()) w *= static_cast<T>(gain);
    });
    parameter.value().copy_from(weight);
  }
  return model;
}

OpResult run_published(const OpCall& call) {
  const auto noisy = call.inputs.find("noisy");
  if (noisy == call.inputs.end()) throw DataError("[kofler_dynamic] input.noisy is missing");
  const NoGrad no_grad;
  const DynamicTv::Result result =
      model_of(call, noisy->second.dtype())->forward(noisy->second.to(call.device), phase_of(call.attrs));
  OpResult out;
  out.outputs = {{"lambda", result.lambda.value().to(Device{})},
                 {"denoised", result.denoised.value().to(Device{})}};
  return out;
}

Verdict judge_published(const std::string& tensor, const Tensor& got, const Tensor& expected, const OpCall&) {
  // The error against the spread is never the smaller one: ||b - mean(b)|| <= ||b||.
  if (tensor == "output.lambda")
    return {.error = error_against_spread(got, expected), .allowed = 1e-4, .measure = "L2 against spread"};
  return {.error = relative_l2(got, expected), .allowed = 1e-4};
}

std::vector<OpInput> frames(const Shape& shape) {
  return {{"noisy", shape, OpInput::Fill::uniform, 0.0, 1.0, false}};
}

}  // namespace

OpInfo kofler_dynamic_info() {
  OpInfo info;
  info.name = "kofler_dynamic";
  info.equation = "x_T = PDHG_T(z, Lambda), Lambda = up_bound sigmoid(crop(unet(pad(z)))), frames (x, y, t)";
  info.run = run_published;
  info.judge = judge_published;
  const Attributes small = {{"filters", 2}, {"T", 5}, {"gain", 2.0}, {"pad_xy", 2}, {"pad_t", 3}};
  Attributes training = small, one_stage = small;
  training.update({{"phase", "training"}, {"p0", "zero"}});
  one_stage.update({{"stages", 1}, {"pad_xy", 0}, {"pad_t", 0}, {"up_bound", 0.2}, {"L", 4.5}});
  info.corner_cases = {{"odd_extents", small, frames({2, 1, 5, 3, 3})},
                       {"training", training, frames({1, 1, 4, 3, 5})},
                       {"one_stage_one_frame", one_stage, frames({1, 1, 4, 6, 1})}};
  info.results = {"lambda", "denoised"};
  info.differentiable =
      false;  // of a recorded run there are no gradients; tests/nn/dynamic_tv_test.cpp has the check
  info.implementations = wherever({kReference, "the chain of ops, each by its own rule"}, pdhg_ladder.f32);
  return info;
}

}  // namespace primal
