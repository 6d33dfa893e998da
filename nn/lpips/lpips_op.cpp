// What verify, check and the tests know of the measure.
#include "nn/lpips/lpips.h"
#include "nn/model_case/model_case.h"

namespace primal {
namespace {

OpResult run(const OpCall& call) {
  const Tensor x = case_input(call, "x");
  LpipsOptions options;
  options.filters = call.attrs.value("filters", options.filters);
  Initialiser init(1, x.dtype(), call.device);
  const Lpips model(options, init);
  load_case_state(call, model);
  const std::vector<double> distance = model.distance(x, case_input(call, "target"));
  OpResult out;
  out.outputs["distance"] = Tensor::from(Shape{std::ssize(distance)}, distance).to(x.dtype());
  return out;
}

}  // namespace

OpInfo lpips_info() {
  OpInfo info = model_case_info(run);
  info.name = "lpips";
  info.equation = "distance = sum of head (f(x)/|f(x)| - f(target)/|f(target)|)^2, f the features of AlexNet";
  info.results = {"distance"};
  info.corner_cases = {
      {"grey", {{"filters", {3, 5, 4, 6, 2}}}, case_pictures({2, 1, 1, 37, 45})},
      {"smallest_in_colour", {{"filters", {2, 3, 2, 3, 2}}}, case_pictures({1, 3, 1, 31, 31})}};
  return info;
}

}  // namespace primal
