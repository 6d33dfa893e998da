// primal_step_bench: one training step of the thesis model, its phases timed apart. bench/peers/compare.py runs it in turns
// with the same step in PyTorch; --json prints the medians it reads.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "nn/adam/adam.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"
#include "tensor/range.h"

namespace primal {
namespace {

struct Options {
  int64_t size = 256, iterations = 256, filters = 32, blocks = 3;
  int rounds = 9, threads = 0;
  bool learn_steps = false, json = false;
};

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int run(const Options& o) {
  if (o.threads > 0) set_num_threads(o.threads);
  UnrolledTvOptions options;
  options.unet.filters = o.filters;
  options.unet.blocks = o.blocks;
  options.n_iter = o.iterations;
  options.learn_steps = o.learn_steps;
  Initialiser init;
  const UnrolledTv model(options, init);
  Adam adam(model.parameters(), {.lr = 1e-4});
  const Tensor clean = Tensor::empty({1, 1, 1, o.size, o.size}), z = Tensor::empty(clean.shape());
  RandomStream(1, RandomPurpose::test).fill_uniform(clean, 0.0, 1.0);
  RandomStream(2, RandomPurpose::test).fill_normal(z, 0.5, 0.2);

  std::map<std::string, std::vector<double>> times;
  uint64_t allocations = 0;
  for (int round = -2; round < o.rounds; ++round) {  // two rounds to warm up
    const RangeRecorder recorder;
    const Clock::time_point start = Clock::now();
    model.zero_grad();
    const Variable lambda = model.map_of(z);
    const double unet_forward = milliseconds_since(start);
    const Clock::time_point solve = Clock::now();
    const Variable x = model.solve(z, lambda);
    const double pdhg_forward = milliseconds_since(solve);
    const Variable loss = mse_loss(x, clean);
    const Clock::time_point back = Clock::now();
    loss.backward();
    const double backward = milliseconds_since(back);
    const double pdhg_backward = 1e-3 * recorder.total_us("pdhg.backward");
    const Clock::time_point update = Clock::now();
    adam.step();
    const double adam_ms = milliseconds_since(update), step = milliseconds_since(start);
    if (round < 0) {
      allocations = host_pool().stats().system_allocations;
      continue;
    }
    times["step_ms"].push_back(step);
    times["unet_forward_ms"].push_back(unet_forward);
    times["pdhg_forward_ms"].push_back(pdhg_forward);
    times["pdhg_backward_ms"].push_back(pdhg_backward);
    times["unet_backward_ms"].push_back(backward - pdhg_backward);
    times["adam_ms"].push_back(adam_ms);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);

  nlohmann::json json = {{"rounds", o.rounds},
                         {"threads", num_threads()},
                         {"size", o.size},
                         {"iterations", o.iterations},
                         {"learn_steps", o.learn_steps},
                         {"peak_rss_mib", static_cast<double>(usage.ru_maxrss) / 1024.0},
                         {"steady_allocations", host_pool().stats().system_allocations - allocations}};
  for (const auto& [name, list] : times) json[name] = median(list);
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
