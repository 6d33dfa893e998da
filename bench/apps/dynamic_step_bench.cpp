// primal_dynamic_bench: one training step of nn/dynamic_tv on a sequence that is made, its phases
// timed apart. bench/peers/dynamic.py runs it in turns with the same step in PyTorch; --json prints
// the medians that it reads.
#include <CLI/CLI.hpp>
#include <cmath>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "apps/commands/commands.h"
#include "apps/profile/statistics.h"
#include "bench/apps/run_program.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "nn/adam/adam.h"
#include "nn/dynamic_tv/dynamic_tv.h"
#include "nn/mse_loss/mse_loss.h"
#include "tensor/backend.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

struct Options {
  CommonOptions common;
  int64_t size = 128, frames = 32, iterations = 128, filters = 16, stages = 3;
  int rounds = 5, warmup = 2;
  bool all = false;
};

// [1,1,size,size,frames]: a phantom that brightens and darkens.
Tensor sequence(int64_t size, int64_t frames) {
  const Tensor picture = make_phantom(1, 0, size), all = Tensor::empty({1, 1, size, size, frames});
  const auto from = picture.span<float>();
  const auto to = all.span<float>();
  for (size_t pixel = 0; pixel < from.size(); ++pixel) {
    for (int64_t t = 0; t < frames; ++t) {
      const double phase = static_cast<double>(t) / static_cast<double>(frames);
      to[pixel * static_cast<size_t>(frames) + static_cast<size_t>(t)] =
          from[pixel] * static_cast<float>(0.75 + 0.25 * std::sin(6.283185307179586 * phase));
    }
  }
  return all;
}

// The processor time that this process has used so far, in all of its threads, in the program and in the
// kernel on its behalf.
double processor_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

int run(const Options& o) {
  const Device device = o.common.apply();
  const ImplementationScope scope(o.common.forced());
  Initialiser init(42, DType::f32, device);
  DynamicTvOptions model_options;
  model_options.unet.filters = o.filters;
  model_options.unet.stages = o.stages;
  model_options.n_iter = o.iterations;
  DynamicTv model(model_options, init);
  Adam adam(model.parameters(), {.lr = 1e-4});
  const Tensor still = sequence(o.size, o.frames);
  const Tensor noisy = add_noise(still, NoiseKind::relative, 0.3, {.seed = 1}).to(device);
  const Tensor clean = still.to(device);

  std::map<std::string, std::vector<double>> times, ranges;
  for (int round = -o.warmup; round < o.rounds; ++round) {
    const RangeRecorder recorder(device);
    const double before = processor_ms();
    {
      const Range range("step");
      model.zero_grad();
      const Variable loss = mse_loss(model.forward(noisy, DynamicTv::Phase::training).denoised, clean);
      const Range backward("backward");
      loss.backward();
    }
    adam.step();
    const double after = processor_ms();
    if (round < 0) continue;
    const auto ms = [&](const char* name) { return 1e-3 * recorder.total_us(name); };
    times["step_ms"].push_back(ms("step") + ms("adam"));
    times["processor_ms"].push_back(after - before);
    times["unet_forward_ms"].push_back(ms("dynamic_tv") - ms("pdhg"));
    times["pdhg_forward_ms"].push_back(ms("pdhg"));
    times["pdhg_backward_ms"].push_back(ms("pdhg.backward"));
    times["unet_backward_ms"].push_back(ms("backward") - ms("pdhg.backward"));
    times["adam_ms"].push_back(ms("adam"));
    std::map<std::string, double> of_round;
    for (const RangeRecord& r : recorder.records()) {
      of_round[fmt::format("{} {} {}", r.name, r.layer, r.detail.implementation)] += 1e-3 * r.duration_us;
    }
    for (const auto& [name, total] : of_round) ranges[name].push_back(total);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);

  nlohmann::json json = {
      {"rounds", o.rounds},     {"threads", num_threads()},
      {"size", o.size},         {"frames", o.frames},
      {"filters", o.filters},   {"iterations", o.iterations},
      {"device", device.str()}, {"peak_rss_mib", static_cast<double>(usage.ru_maxrss) / 1024.0}};
  for (const auto& [name, list] : times) json[name] = summarise(list).median;
  if (o.common.json) {
    fmt::print("{}\n", json.dump());
  } else {
    for (const auto& [name, value] : json.items()) fmt::print("{:<20} {}\n", name, value.dump());
    if (o.all) {
      for (const auto& [name, list] : ranges) fmt::print("{:>10.2f}  {}\n", summarise(list).median, name);
    }
  }
  return 0;
}

}  // namespace
}  // namespace primal

int main(int argc, char** argv) {
  primal::Options o;
  CLI::App program("Times one training step of the network for sequences, medians in milliseconds.");
  program.add_option("--size", o.size, "side of the frames, pixels")->capture_default_str();
  program.add_option("--frames", o.frames, "of the sequence")->capture_default_str();
  program.add_option("--iterations", o.iterations, "T of PDHG")->capture_default_str();
  program.add_option("--filters", o.filters, "of the first level")->capture_default_str();
  program.add_option("--stages", o.stages, "levels")->capture_default_str();
  program.add_option("--rounds", o.rounds, "timed steps")->capture_default_str();
  program.add_option("--warmup", o.warmup, "steps before them, at least one")->capture_default_str();
  program.add_flag("--all", o.all, "print the time of every range by layer and implementation, too");
  o.common.device = "cpu";
  o.common.add_to(program);
  return primal::bench::run_program(program, argc, argv, "primal_dynamic_bench",
                                    [&] { return primal::run(o); });
}
