// primal_step_bench: one training step of the thesis model, its phases timed apart. bench/peers/compare.py runs it in turns
// with the same step in PyTorch; --json prints the medians it reads.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "apps/profile/statistics.h"
#include "apps/profile/training_step.h"
#include "tensor/backend.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

struct Options {
  int64_t size = 256, iterations = 256, filters = 32, blocks = 3;
  int rounds = 9, threads = 0;
  bool learn_steps = false, json = false;
  std::string device = "cpu", precision = "fp32";
};

int run(const Options& o) {
  if (o.threads > 0) set_num_threads(o.threads);
  set_precision(parse_precision(o.precision));
  const Device device = Device::parse(o.device);
  TrainingStepOptions options;
  options.device = device;
  options.model.unet.filters = o.filters;
  options.model.unet.blocks = o.blocks;
  options.model.n_iter = o.iterations;
  options.model.learn_steps = o.learn_steps;
  options.size = o.size;
  options.new_noise = false;  // PyTorch's step does not draw any either
  TrainingStep step(options);

  std::map<std::string, std::vector<double>> times;
  uint64_t allocations = 0;
  for (int round = -2; round < o.rounds; ++round) {  // two rounds to warm up
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
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);

  nlohmann::json json = {
      {"rounds", o.rounds},
      {"threads", num_threads()},
      {"size", o.size},
      {"iterations", o.iterations},
      {"learn_steps", o.learn_steps},
      {"peak_rss_mib", static_cast<double>(usage.ru_maxrss) / 1024.0},
      {"device", device.str()},
      {"peak_device_mib",
       device.is_cpu() ? 0.0 : static_cast<double>(backend(device).stats().peak_bytes) / 0x1p20},
      {"steady_allocations", backend(device).stats().system_allocations - allocations}};
  for (const auto& [name, list] : times) json[name] = summarise(list).median;
  if (o.json) {
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
  program.add_option("--iterations", o.iterations, "T of PDHG")->capture_default_str();
  program.add_option("--filters", o.filters, "of the first level")->capture_default_str();
  program.add_option("--blocks", o.blocks, "levels below the first")->capture_default_str();
  program.add_option("--rounds", o.rounds, "timed steps, after two to warm up")->capture_default_str();
  program.add_option("--threads", o.threads, "CPU threads (default: all)");
  program.add_option("--device", o.device, "cpu, simt, cuda or cuda:N")->capture_default_str();
  program.add_option("--precision", o.precision, "of vendor libraries on CUDA devices: fp32 or tf32")
      ->capture_default_str();
  program.add_flag("--learn-steps", o.learn_steps, "learn sigma, tau and theta too");
  program.add_flag("--json", o.json, "print one line of JSON");
  CLI11_PARSE(program, argc, argv);
  try {
    return primal::run(o);
  } catch (const primal::Error& error) {
    fmt::print(stderr, "primal_step_bench: {}\n", error.what());
    return error.exit_code();
  }
}
