#include "apps/training/run_plan.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "apps/training/buffer_snapshot.h"
#include "apps/training/denoising_task.h"
#include "apps/training/progress.h"
#include "apps/training/trainer.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

double megabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

std::string row(const char* name, const std::string& value) {
  return fmt::format("  {:<30} {}\n", name, value);
}

std::string megabytes_row(const char* name, int64_t bytes) {
  return row(name, fmt::format("{:9.2f} MB", megabytes(bytes)));
}

}  // namespace

StepTrial try_step(Task& task, int64_t batch) {
  std::vector<int64_t> samples(static_cast<size_t>(std::min(batch, task.n_samples())));
  std::iota(samples.begin(), samples.end(), 0);
  const Device device = task.model().device();
  StepTrial trial;
  const BufferSnapshot buffers(task.model());
  try {
    for (int i = 0; i < 2; ++i) {
      backend(device).reset_peak();
      const LoadWatch watch;
      const auto start = std::chrono::steady_clock::now();
      const TensorMap inputs = task.batch(0, samples);
      task.model().zero_grad();
      task.loss(inputs).backward();
      backend(device).synchronize();
      trial.step_ms = 1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      trial.load = watch.so_far();
    }
    trial.peak_bytes = static_cast<int64_t>(backend(device).stats().peak_bytes);
  } catch (const NumericError& error) {
    trial.failed = error.what();
  }
  buffers.restore();
  return trial;
}

std::string does_not_fit(const TrainConfig& config, const UnrolledTv& model, int64_t free_bytes) {
  const DenoisingLoss loss = parse_denoising_loss(config.training.loss);
  const auto needs = [&](int64_t batch, int64_t size) {
    return plan_denoising(model, {batch, 1, 1, size, size}, loss).bytes.total();
  };
  const int64_t batch = config.training.batch, size = config.data.size;
  const int64_t needed = needs(batch, size);
  if (needed <= free_bytes) return "";
  int64_t smaller_batch = batch - 1, smaller_size = size - size % 8;
  while (smaller_batch > 0 && needs(smaller_batch, size) > free_bytes) --smaller_batch;
  while (smaller_size > 0 && needs(batch, smaller_size) > free_bytes) smaller_size -= 8;
  std::string fits = "nothing of this model fits: fewer model.filters or model.iterations need less";
  if (smaller_batch > 0) {
    fits = fmt::format("training.batch={} would fit", smaller_batch);
  } else if (smaller_size > 0) {
    fits = fmt::format("data.size={} would fit", smaller_size);
  }
  return fmt::format("a step with batch {} of {} x {} pixels needs {:.1f} MB, {:.1f} MB are free; {}", batch,
                     size, size, megabytes(needed), megabytes(free_bytes), fits);
}

// Why a step does not fit into the free memory, and which batch would; "" where it fits. For a task whose
// pictures have the size that its model takes.
std::string does_not_fit(const Task& task, int64_t batch, int64_t free_bytes) {
  const auto needs = [&](int64_t n) { return task.plan(n).bytes.total(); };
  const int64_t needed = needs(batch);
  if (needed <= free_bytes) return "";
  int64_t smaller = batch - 1;
  while (smaller > 0 && needs(smaller) > free_bytes) --smaller;
  return fmt::format("a step with batch {} needs {:.1f} MB, {:.1f} MB are free; {}", batch, megabytes(needed),
                     megabytes(free_bytes),
                     smaller > 0 ? fmt::format("training.batch={} would fit", smaller)
                                 : "nothing of this model fits: fewer filters need less");
}

std::string does_not_fit(const TrainConfig& config, const Task& task) {
  const Device device = task.model().device();
  const std::vector<DeviceInfo> all = devices();
  const auto info = std::ranges::find(all, device, &DeviceInfo::device);
  if (info->free_memory_bytes == 0) return "";       // not known
  const MemoryStats held = backend(device).stats();  // by this process: weights are there already
  const auto free_bytes = static_cast<int64_t>(info->free_memory_bytes + held.reserved_bytes);
  TrainConfig taken = config;
  taken.training.batch = std::min(config.training.batch, task.n_samples());
  const auto* denoising = dynamic_cast<const DenoisingTask*>(&task);
  const std::string problem = denoising != nullptr ? does_not_fit(taken, denoising->unrolled_tv(), free_bytes)
                                                   : does_not_fit(task, taken.training.batch, free_bytes);
  return problem.empty() ? "" : fmt::format("{}: {}", device.str(), problem);
}

RunPlan plan_run(const TrainConfig& config, Task& task, int64_t steps_done, const std::string& no_trial) {
  RunPlan plan;
  plan.n_parameters = task.model().n_parameters();
  plan.n_samples = task.n_samples();
  plan.n_validation = task.n_validation();
  plan.n_steps = n_steps_of(config, plan.n_samples);
  plan.steps_done = std::min(steps_done, plan.n_steps);
  plan.threads = num_threads();
  plan.device = task.model().device();
  const int64_t batch = std::min(config.training.batch, plan.n_samples);
  plan.step = task.plan(batch);
  plan.trial = no_trial.empty() ? try_step(task, batch) : StepTrial{.failed = no_trial};
  return plan;
}

std::string to_text(const Settings& settings, const RunPlan& plan) {
  TrainConfig config = settings.config;
  std::string text = "settings\n";
  for (const ConfigKey& key : task_keys(config)) {
    const auto origin = settings.origins.find(key.name);
    text += fmt::format("  {:<30} {:<14} {}\n", key.name, toml_value(key),
                        origin == settings.origins.end() ? "default" : origin->second);
  }
  const TrainingFlops& f = plan.step.flops;
  const TrainingMemory& m = plan.step.bytes;
  text += "training\n";
  text += row("parameters", fmt::format("{}", plan.n_parameters));
  text += row("training pictures", fmt::format("{}", plan.n_samples));
  text += row("validation pictures", fmt::format("{}", plan.n_validation));
  text += row("steps", plan.steps_done == 0
                           ? fmt::format("{}", plan.n_steps)
                           : fmt::format("{} of {} left", plan.n_steps - plan.steps_done, plan.n_steps));
  text += row("device", plan.device.is_cpu()
                            ? fmt::format("cpu, {} thread{}", plan.threads, plan.threads == 1 ? "" : "s")
                            : plan.device.str());
  text += "computed in a step\n";
  text += row("convolutions", fmt::format("{:9.3f} GFLOP", f.convolutions * 1e-9));
  if (f.pdhg > 0.0) text += row("PDHG and its adjoint", fmt::format("{:9.3f} GFLOP", f.pdhg * 1e-9));
  text += row("everything else", fmt::format("{:9.3f} GFLOP", f.rest * 1e-9));
  text += "memory of tensors\n";
  text += megabytes_row("weights", m.weights) + megabytes_row("gradients", m.gradients) +
          megabytes_row("Adam's moments", m.moments) + megabytes_row("activations kept", m.activations);
  if (m.tape > 0) text += megabytes_row("tape of PDHG", m.tape);
  if (m.pictures > 0) text += megabytes_row("pictures on the device", m.pictures);
  text += megabytes_row("temporary, with workspaces", m.temporary) + megabytes_row("all together", m.total());
  if (!plan.trial.failed.empty()) return text + fmt::format("not tried out\n  {}\n", plan.trial.failed);
  text += "tried out: two steps without Adam, nothing changed\n";
  text += row("second step", fmt::format("{:.1f} ms, {:.0f} GFLOP/s", plan.trial.step_ms,
                                         f.total() * 1e-6 / std::max(plan.trial.step_ms, 1e-6)));
  text +=
      row("its memory, with Adam's", fmt::format("{:9.2f} MB", megabytes(plan.trial.peak_bytes + m.moments)));
  text += row("so the steps will take", duration_text(plan.seconds_left()));
  if (const std::string busy = plan.trial.load.remark(); !busy.empty())
    text += fmt::format("  warning: {};\n           on a quiet machine the steps take less time\n", busy);
  return text;
}

nlohmann::json to_json(const RunPlan& plan) {
  const TrainingFlops& f = plan.step.flops;
  const TrainingMemory& m = plan.step.bytes;
  nlohmann::json trial = nullptr;
  if (plan.trial.failed.empty()) {
    trial = {{"step_ms", plan.trial.step_ms},
             {"peak_bytes_with_moments", plan.trial.peak_bytes + m.moments},
             {"seconds_left", plan.seconds_left()},
             {"load", to_json(plan.trial.load)}};
  }
  return {
      {"parameters", plan.n_parameters},
      {"pictures", plan.n_samples},
      {"validation_pictures", plan.n_validation},
      {"steps", plan.n_steps},
      {"steps_done", plan.steps_done},
      {"device", plan.device.str()},
      {"threads", plan.threads},
      {"flops", {{"convolutions", f.convolutions}, {"pdhg", f.pdhg}, {"rest", f.rest}, {"total", f.total()}}},
      {"bytes",
       {{"weights", m.weights},
        {"gradients", m.gradients},
        {"moments", m.moments},
        {"activations", m.activations},
        {"tape", m.tape},
        {"temporary", m.temporary},
        {"pictures", m.pictures},
        {"total", m.total()}}},
      {"trial", trial}};
}

}  // namespace primal
