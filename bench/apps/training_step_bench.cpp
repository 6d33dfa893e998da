// primal_step_bench: one training step of the thesis model, its phases timed apart.
// bench/peers/compare.py runs it in turns with the same step in PyTorch, bench/growth.py over a grid of
// sizes; --json prints the medians they read.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sys/resource.h>

#include "apps/commands/commands.h"
#include "apps/profile/roofs.h"
#include "apps/profile/statistics.h"
#include "apps/profile/training_step.h"
#include "bench/apps/run_program.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

struct Options {
  CommonOptions common;
  int64_t size = 256, batch = 1, iterations = 256, filters = 32, blocks = 3;
  int rounds = 9, warmup = 2;
  bool learn_steps = false, fma = false;
};

int run(const Options& o) {
  const Device device = o.common.apply();
  const ImplementationScope scope(o.common.forced());
  std::vector<double> fma_gflop_s, core_round_trip_ns;
  const auto test_machine = [&] {
    if (!o.fma) return;
    fma_gflop_s.push_back(measure_fma_roof(num_threads()).best);
    core_round_trip_ns.push_back(measure_core_round_trip_ns(num_threads()));
  };
  TrainingStepOptions options;
  options.device = device;
  options.model.unet.filters = o.filters;
  options.model.unet.blocks = o.blocks;
  options.model.n_iter = o.iterations;
  options.model.learn_steps = o.learn_steps;
  options.size = o.size;
  options.batch = o.batch;
  options.new_noise = false;  // PyTorch's step does not draw any either
  TrainingStep step(options);

  test_machine();
  std::map<std::string, std::vector<double>> times;
  uint64_t allocations = 0;
  for (int round = -o.warmup; round < o.rounds; ++round) {
    const RangeRecorder recorder(device);
    {
      const Range range("step");
      step.run();
    }
    if (round < 0) {
      allocations = backend(device).stats().system_allocations;
      continue;
    }
    const auto ms = [&](const char* name) { return 1e-3 * recorder.total_us(name); };
    times["step_ms"].push_back(ms("step"));
    times["unet_forward_ms"].push_back(ms("unet") + ms("lambda_map"));
    times["pdhg_forward_ms"].push_back(ms("pdhg"));
    times["pdhg_backward_ms"].push_back(ms("pdhg.backward"));
    times["unet_backward_ms"].push_back(ms("backward") - ms("pdhg.backward"));
    times["adam_ms"].push_back(ms("adam"));
  }
  // A device's step as a user has it, without a recorder, whose marks are work for host and device.
  if (!device.is_cpu()) {
    times["step_ms"].clear();
    for (int round = 0; round < o.rounds; ++round) {
      const auto start = std::chrono::steady_clock::now();
      step.run();  // reads the loss, so it waits for the device
      const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - start;
      times["step_ms"].push_back(ms.count());
    }
  }
  test_machine();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);

  nlohmann::json json = {
      {"rounds", o.rounds},
      {"threads", num_threads()},
      {"size", o.size},
      {"batch", o.batch},
      {"iterations", o.iterations},
      {"filters", o.filters},
      {"learn_steps", o.learn_steps},
      {"peak_rss_mib", static_cast<double>(usage.ru_maxrss) / 1024.0},
      {"device", device.str()},
      {"peak_device_mib",
       device.is_cpu() ? 0.0 : static_cast<double>(backend(device).stats().peak_bytes) / 0x1p20},
      {"steady_allocations", backend(device).stats().system_allocations - allocations}};
  for (const auto& [name, list] : times) json[name] = summarise(list).median;
  const std::vector<double>& steps = times["step_ms"];
  json["step_mean_ms"] = std::accumulate(steps.begin(), steps.end(), 0.0) / static_cast<double>(steps.size());
  if (o.fma) {
    json["fma_gflop_s"] = fma_gflop_s;
    json["core_round_trip_ns"] = core_round_trip_ns;
  }
  if (o.common.json) {
    fmt::print("{}\n", json.dump());
  } else {
    for (const auto& [name, value] : json.items()) fmt::print("{:<20} {}\n", name, value.dump());
  }
  return 0;
}

}  // namespace
}  // namespace primal

int main(int argc, char** argv) {
  primal::Options o;
  CLI::App program("Times one training step of the thesis model, medians in milliseconds.");
  program.add_option("--size", o.size, "side of the picture, pixels")->capture_default_str();
  program.add_option("--batch", o.batch, "pictures per step")->capture_default_str();
  program.add_option("--iterations", o.iterations, "T of PDHG")->capture_default_str();
  program.add_option("--filters", o.filters, "of the first level")->capture_default_str();
  program.add_option("--blocks", o.blocks, "levels below the first")->capture_default_str();
  program.add_option("--rounds", o.rounds, "timed steps")->capture_default_str();
  program.add_option("--warmup", o.warmup, "steps before them, at least one")->capture_default_str();
  program.add_flag("--learn-steps", o.learn_steps, "learn sigma, tau and theta too");
  program.add_flag(
      "--fma", o.fma,
      "test the CPU before and after the timed steps: its multiply-adds, and the way between two cores");
  o.common.device = "cpu";
  o.common.add_to(program);
  return primal::bench::run_program(program, argc, argv, "primal_step_bench", [&] { return primal::run(o); });
}
