// primal demo: the whole story in a minute, without any file: phantoms, a training, and what the map gains over the best
// single lambda on phantoms that the training has not seen.
#include <algorithm>
#include <filesystem>
#include <fmt/core.h>

#include "apps/commands.h"
#include "apps/evaluation/evaluation.h"
#include "apps/json_text.h"
#include "apps/number_range.h"
#include "apps/pictures/results.h"
#include "apps/signals.h"
#include "apps/streams.h"
#include "apps/training/config.h"
#include "apps/training/denoising_task.h"
#include "apps/training/progress.h"
#include "apps/training/trainer.h"
#include "data/dataset/dataset.h"
#include "data/figure/figure.h"
#include "data/image/image.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct DemoOptions {
  CommonOptions common;
  std::string output = "demo";
  int64_t steps = 0;
  bool overwrite = false;
};

constexpr int64_t kTestPictures = 6;
constexpr uint32_t kTestIndex = uint32_t{1} << 21;  // phantoms of no training or validation
constexpr double kNoise = 0.5;

TrainConfig demo_config(const DemoOptions& options) {
  TrainConfig config;
  config.output = options.output;
  config.data.size = 128;
  config.data.n_train = 200;
  config.data.n_validation = 4;
  config.noise.low = config.noise.high = config.noise.validation = kNoise;
  config.model.filters = 16;
  config.model.iterations = 64;
  config.model.learn_steps = false;
  config.training.learning_rate = 1e-3;
  config.training.steps = options.steps > 0 ? options.steps : 2400;
  return config;
}

// True for the folder of another demo, however many steps it made.
bool is_of_a_demo(const fs::path& folder, const TrainConfig& config) {
  TrainConfig found;
  try {
    read_config(found, folder / "config.toml");
  } catch (const Error&) {
    return false;  // no file, or not a configuration
  }
  found.output = config.output;
  found.training.steps = config.training.steps;
  return config_to_json(found) == config_to_json(config);
}

// A demo replaces a demo, but not what took hours.
void check_folder(const TrainConfig& config) {
  const fs::path folder = config.output;
  if (folder.empty()) throw ConfigError("[demo] --output is empty, expected a folder");
  for (const char* name : {"last.safetensors", "best.safetensors", "config.toml", "metrics.csv",
                           "events.jsonl", "comparison.png"}) {
    std::error_code error;
    if (fs::exists(folder / name, error) && !is_of_a_demo(folder, config)) {
      throw ConfigError("[demo] {} has {}, which is not of a demo; give another --output, or --overwrite",
                        config.output, name);
    }
  }
}

// Sums of scores, for means.
void add(Scores& sum, const Scores& s) {
  sum.psnr += s.psnr;
  sum.ssim += s.ssim;
}

std::vector<Panel> panels_of(const Evaluation& e, const EvaluatedPictures& p) {
  return {
      Panel::grey(p.clean, "clean"), Panel::grey(p.noisy, fmt::format("noisy {:.2f} dB", e.noisy.psnr)),
      Panel::grey(p.scalar, fmt::format("best lambda {:.2f}: {:.2f} dB", e.lambda_by_psnr, e.by_psnr.psnr)),
      Panel::grey(p.denoised, fmt::format("map {:.2f} dB", e.map.psnr)), Panel::log_map(p.lambda, "Lambda")};
}

void demo(const DemoOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  const TrainConfig config = demo_config(options);
  if (!options.overwrite) check_folder(config);
  make_result_folder(config.output);
  DenoisingTask task(config, device);
  const bool talk = !options.common.quiet;
  if (talk) {
    say("{} phantoms of {}x{}, relative noise {}, T = {}, {} parameters, {} threads\n", task.n_samples(),
        config.data.size, config.data.size, kNoise, config.model.iterations, task.model().n_parameters(),
        num_threads());
  }
  const StopSignals signals;
  const Progress progress(talk ? ProgressMode::automatic : ProgressMode::none, config.training.batch);
  const TrainResult trained =
      train(task, config, false, signals.caught(), [&](const TrainEvent& e) { progress.show(e); });
  if (trained.stopped_by != 0) throw Stopped(trained.stopped_by);

  const auto seed = static_cast<uint64_t>(config.seed);
  const PhantomSet test(seed, kTestPictures, config.data.size, kTestIndex);
  const EvaluationSettings settings{
      .noise = kNoise, .seed = seed, .noise_epoch = kTestIndex, .grid = {0.0, 0.4, 41}};
  std::vector<std::vector<Panel>> rows;
  Scores noisy, scalar, map;
  for (int64_t i = 0; i < kTestPictures; ++i) {
    EvaluatedPictures pictures;
    const Evaluation e = evaluate_picture(task.unrolled_tv(), test, i, settings, &pictures);
    add(noisy, e.noisy);
    add(scalar, {e.by_psnr.psnr, e.by_ssim.ssim});  // the best by each
    add(map, e.map);
    if (rows.size() < 3) rows.push_back(panels_of(e, pictures));
  }
  const fs::path figure = fs::path(options.output) / "comparison.png";
  write_png(figure, make_figure(rows));

  const auto n = static_cast<double>(kTestPictures);
  if (options.common.json) {
    const auto as_json = [&](const Scores& s) {
      return nlohmann::json{{"psnr", s.psnr / n}, {"ssim", s.ssim / n}};
    };
    print_json({{"noisy", as_json(noisy)},
                {"best_scalar", as_json(scalar)},
                {"map", as_json(map)},
                {"pictures", kTestPictures},
                {"seconds", trained.seconds},
                {"figure", figure.string()}});
    return;
  }
  fmt::print("\nmean of {} unseen phantoms   PSNR dB     SSIM\n", kTestPictures);
  const auto row = [&](const char* name, const Scores& s) {
    fmt::print("  {:<24} {:>9.2f} {:>8.4f}\n", name, s.psnr / n, s.ssim / n);
  };
  row("noisy", noisy);
  row("best scalar lambda", scalar);
  row("map of the network", map);
  fmt::print("\n{}  the pictures side by side\n{}  the trained model\n", figure.string(),
             (fs::path(options.output) / "last.safetensors").string());
}

}  // namespace

void add_demo_command(CLI::App& program) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command =
      program.add_subcommand("demo", "train on phantoms for about a minute and show what the map gains");
  command
      ->add_option("-o,--output", options->output,
                   "folder for model, metrics and figure; those of an earlier demo are replaced")
      ->capture_default_str();
  command->add_option("--steps", options->steps, "training steps (default 2400)")->check(whole_range(1));
  command->add_flag("--overwrite", options->overwrite, "replace what is not of a demo, too");
  options->common.add_to(*command);
  command->footer("Examples:\n  primal demo\n  primal demo --steps 200 -o /tmp/demo --json");
  command->callback([options] { demo(*options); });
}

}  // namespace primal
