// primal_op_bench: one op at one shape, forward and backward together, timed from inside.
// bench/peers/layers.py runs it in turns with the same layer in PyTorch.
//
//   primal_op_bench linear --inputs '{"x": [32,3136], "weight": [128,3136], "bias": [128]}' --threads 2
#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/ops/register_ops.h"
#include "apps/profile/statistics.h"
#include "bench/apps/run_program.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

struct Options {
  CommonOptions common;
  std::string op, inputs = "{}", attrs = "{}";
  std::vector<std::string> constants;
  int rounds = 9, warmup = 3;
};

// What all threads of this process have used: other programs on the machine do not lengthen it much.
double processor_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

int run(const Options& o) {
  const Device device = o.common.apply();
  const OpInfo* info = registered_ops().find(o.op);
  if (info == nullptr) throw ConfigError("[op_bench] no op is called {}", o.op);
  OpCase op_case{o.op, Attributes::parse(o.attrs), {}};
  const auto shapes = nlohmann::json::parse(o.inputs).get<std::map<std::string, std::vector<int64_t>>>();
  for (const auto& [name, shape] : shapes) {
    OpInput input{name, Shape(std::span<const int64_t>(shape))};
    if (name == "labels") input = {name, input.shape, OpInput::Fill::labels, 0.0, 2.0};
    op_case.inputs.push_back(input);
  }
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, o.op, {}, device};
  call.constants.insert(o.constants.begin(), o.constants.end());
  const ImplementationScope scope(o.common.forced());
  const TensorMap outputs = info->run(call).outputs;
  for (const std::string& result : info->results) {
    const OpCase as_case{result, {}, {{result, outputs.at(result).shape()}}};
    call.upstream[result] = make_inputs(as_case, DType::f32, 1).at(result);
  }
  std::vector<double> times, cpu_times;
  for (int round = -o.warmup; round < o.rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = processor_ms();
    info->run(call);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (round < 0) continue;
    times.push_back(time.count());
    cpu_times.push_back(processor_ms() - cpu_start);
  }
  std::vector<std::string> chosen;
  for (const ImplementationChoice& c : scope.choices())
    if (c.op == info->chooser()) chosen.push_back(c.phase + ": " + c.implementation);
  nlohmann::json json;
  json["ms"] = summarise(times).median;
  json["cpu_ms"] = summarise(cpu_times).median;
  json["chosen"] = chosen;
  fmt::print("{}\n", json.dump());
  return 0;
}

}  // namespace
}  // namespace primal

int main(int argc, char** argv) {
  primal::Options o;
  CLI::App program(
      "Times an op at one shape, forward and backward together: the median in milliseconds, as JSON.");
  program.add_option("op", o.op, "name of the op")->required();
  program.add_option("--inputs", o.inputs, "JSON: a shape for each input");
  program.add_option("--attrs", o.attrs, "JSON: the attributes");
  program.add_option("--constants", o.constants, "inputs without gradients");
  program.add_option("--rounds", o.rounds, "timed calls")->capture_default_str();
  program.add_option("--warmup", o.warmup, "calls before them")->capture_default_str();
  o.common.device = "cpu";
  o.common.add_to(program);
  return primal::bench::run_program(program, argc, argv, "primal_op_bench", [&] { return primal::run(o); });
}
