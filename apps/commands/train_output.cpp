#include "apps/commands/train_output.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/progress.h"
#include "apps/training/recorded_steps.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_plan.h"
#include "apps/training/trainer.h"
#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

// What the checkpoint is, what changes, and how much is left.
void print_resumed(const ResolvedTraining& r, int64_t n_steps) {
  say("resumes {}: step {} of {}\n", r.last().string(), r.state.step, n_steps);
  for (const std::string& change : r.changes) say("  {}\n", change);
  const TrainConfig::Training& training = r.settings.config.training;
  if (r.state.step >= n_steps) {
    say("warning: 0 steps left: the checkpoint is at step {} of {}; raise --steps or --epochs to continue\n",
        r.state.step, n_steps);
  } else if (training.patience > 0 && r.state.n_waited >= training.patience) {
    say("warning: 0 steps left: {} validations without a better one; raise training.patience to continue\n",
        r.state.n_waited);
  }
}

// How much of the training rank 0 spent on messages.
nlohmann::json ranks_json(const Communicator* ranks, const ExchangeChoice& exchange) {
  if (ranks == nullptr) return nullptr;
  return {{"n", ranks->size()},
          {"exchange", exchange.nccl ? "nccl" : "host"},
          {"seconds_waited", ranks->seconds_waited()},
          {"bytes_sent", ranks->bytes_sent()}};
}

}  // namespace

void print_config(const Settings& settings, bool json) {
  if (!json) {
    put_text(to_toml(settings));
    return;
  }
  nlohmann::json keys = config_to_json(settings.config);
  for (auto& [name, value] : keys.items()) {
    const auto origin = settings.origins.find(name);
    value = {{"value", value}, {"origin", origin == settings.origins.end() ? "default" : origin->second}};
  }
  print_json(keys);
}

TrainConfig config_of_part(const TrainConfig& config, const Task& task, const Communicator* ranks) {
  TrainConfig part = config;
  const int64_t n = std::min(config.training.batch, task.n_samples());
  if (ranks != nullptr) part.training.batch = (n + ranks->size() - 1) / ranks->size();
  return part;
}

void print_start(const ResolvedTraining& resolved, const TrainOptions& options, Task& task,
                 const std::string& too_large, const Communicator* ranks) {
  const TrainConfig& config = resolved.settings.config;
  const bool talk = !options.common.quiet;
  graph_setting(config.training.graph, task.model().device(), ranks);  // refuses what cannot be
  if (options.dry_run || (talk && too_large.empty())) {
    RunPlan plan = plan_run(config_of_part(config, task, ranks), task, resolved.state.step, too_large);
    plan.n_steps = n_steps_of(config, task.n_samples());
    plan.steps_done = std::min(resolved.state.step, plan.n_steps);
    const std::string text = options.dry_run && options.common.json ? json_text(to_json(plan), 2) + "\n"
                                                                    : to_text(resolved.settings, plan);
    options.dry_run ? put_text(text) : say_text(text);
  }
  if (!too_large.empty()) throw DeviceError("[train] {}", too_large);
  if (talk) {
    for (const std::string& remark : task.remarks())
      say_text(fmt::format("note: {}\n", visible_message(remark)));
  }
  if (talk && config.training.batch > task.n_samples())
    say("note: training.batch={}, but there are only {} pictures: each step uses all of them\n",
        config.training.batch, task.n_samples());
  if (talk && options.resume) print_resumed(resolved, n_steps_of(config, task.n_samples()));
}

void print_result(const TrainResult& result, const TrainOptions& options, const std::filesystem::path& last,
                  const TrainingPage& page, Device device, const Communicator* ranks,
                  const ExchangeChoice& exchange) {
  if (ranks != nullptr && !options.common.quiet) {
    say("[ranks] rank 0 waited {:.1f} s of {:.1f} s for messages and sent {:.1f} MB\n",
        ranks->seconds_waited(), result.seconds, static_cast<double>(ranks->bytes_sent()) / 1e6);
  }
  const double peak_mb = static_cast<double>(backend(device).stats().peak_bytes) / 1e6;
  if (options.common.json) {
    print_json({{"step", result.step},
                {"mean_loss", result.mean_loss},
                {"seconds", result.seconds},
                {"checkpoint", last.string()},
                {"report", page.file().string()},
                {"report_seconds", page.seconds()},
                {"peak_tensor_mb", peak_mb},
                {"ranks", ranks_json(ranks, exchange)},
                {"out_of_patience", result.out_of_patience},
                {"stopped_by", result.stopped_by},
                {"best_step", result.best_step},
                {"best", result.best_step > 0 ? nlohmann::json(result.best) : nlohmann::json()}});
    return;
  }
  put("{} after step {}: mean loss {:.4e}, {} in all, tensors at most {:.0f} MB\n{}\n{}\n",
      result.stopped_by != 0   ? "stopped"
      : result.out_of_patience ? "out of patience"
                               : "done",
      result.step, result.mean_loss, duration_text(result.seconds), peak_mb, last.string(),
      page.file().string());
}

void print_next(const TrainConfig& config, const std::string& metric, const TrainResult& result) {
  const std::string best = (std::filesystem::path(config.output) / kBestCheckpoint).string();
  if (result.best_step > 0)
    say("best: {}, validation {} after step {}\n", best,
        metric.ends_with("_db")         ? fmt::format("{:.2f} dB", result.best)
        : config.task.kind != "denoise" ? fmt::format("{:.4f}", result.best)
                                        : fmt::format("{} {:.4g}", metric, result.best),
        result.best_step);
  const std::string model =
      result.best_step > 0 ? best : (std::filesystem::path(config.output) / kLastCheckpoint).string();
  if (config.task.kind == "classify") return say("next: primal classify {} PICTURE.png\n", model);
  if (config.task.kind == "reconstruct") return say("next: primal denoise {} NOISY.png -o denoised\n", model);
  if (config.task.kind == "sequence")
    return say(
        "next: primal evaluate {} --data {} -o evaluation, primal denoise {} --sequence FRAMES -o denoised\n",
        model, config.data.folder.empty() ? "CLEAN_SEQUENCES" : config.data.folder, model);
  // Without a PSNR there was nothing clean to compare with, nor is there for an evaluation.
  if (!metric.ends_with("_db")) return say("next: primal denoise {} NOISY.png -o denoised\n", model);
  say("next: primal evaluate {} --data {} -o evaluation, primal denoise {} NOISY.png -o denoised\n", model,
      config.data.folder.empty() ? "CLEAN_PICTURES" : config.data.folder, model);
}

}  // namespace primal
