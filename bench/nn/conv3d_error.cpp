// primal_conv3d_error: the rounding error of each conv3d implementation, on the convolutions of the thesis
// network.
//
// Inputs are float32 numbers; the error is the root mean square of the difference from the reference in
// float64, over the root mean square of that: y, grad_x, grad_weight and grad_bias by themselves. --json
// prints the worst of each.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>

#include "nn/conv3d/conv3d.h"
#include "tensor/error.h"
#include "tensor/op/op.h"

namespace primal {
namespace {

struct Options {
  int64_t size = 64;
  bool json = false;
};

// The stage for a picture of `size` pixels in place of 256.
OpCase at_size(OpCase stage, int64_t size) {
  Shape& x = stage.inputs.front().shape;
  x = x.with(3, x[3] * size / 256).with(4, x[4] * size / 256);
  return stage;
}

TensorMap in_f64(const TensorMap& tensors) {
  TensorMap wide;
  for (const auto& [name, tensor] : tensors) wide[name] = tensor.to(DType::f64);
  return wide;
}

// y and the gradients of one call by name.
TensorMap results_of(const OpInfo& info, const OpCall& call) {
  const OpResult result = info.run(call);
  TensorMap all = result.grads;
  all["y"] = result.outputs.at("y");
  return all;
}

int run(const Options& o) {
  const OpInfo info = conv3d_info();
  std::map<std::string, std::map<std::string, double>> worst;  // implementation, tensor
  if (!o.json)
    fmt::print("{:<8}{:<16}{:>12}{:>12}{:>12}{:>12}\n", "stage", "", "y", "grad x", "weight", "bias");
  for (const OpCase& stage : info.stages) {
    const OpCase op_case = at_size(stage, o.size);
    OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name, {}, {}};
    call.upstream = make_upstream(info.results, info.run(call).outputs);
    OpCall exact = call;
    exact.inputs = in_f64(call.inputs), exact.upstream = in_f64(call.upstream);
    const TensorMap expected = results_of(info, exact);
    for (const ImplementationInfo& implementation : info.implementations_on(Device::Kind::cpu)) {
      const ImplementationScope scope("conv3d", implementation.name);
      const TensorMap got = results_of(info, call);
      if (!scope.used("conv3d", implementation.name)) continue;
      if (!o.json) fmt::print("{:<8}{:<16}", stage.name, implementation.name);
      for (const char* name : {"y", "x", "weight", "bias"}) {
        const double error = relative_l2(got.at(name), expected.at(name));
        double& most = worst[std::string(implementation.name)][name];
        most = std::max(most, error);
        if (!o.json) fmt::print("{:>12.1e}", error);
      }
      if (!o.json) fmt::print("\n");
    }
  }
  if (o.json) fmt::print("{}\n", nlohmann::json(worst).dump());
  return 0;
}

}  // namespace
}  // namespace primal

int main(int argc, char** argv) {
  primal::Options o;
  CLI::App program("The rounding error of each conv3d implementation on the thesis network's convolutions.");
  program.add_option("--size", o.size, "side of the network's picture, a multiple of 8")
      ->capture_default_str();
  program.add_flag("--json", o.json, "the worst of each implementation and tensor, as JSON");
  CLI11_PARSE(program, argc, argv);
  try {
    return primal::run(o);
  } catch (const primal::Error& error) {
    fmt::print(stderr, "primal_conv3d_error: {}\n", error.what());
    return error.exit_code();
  }
}
