// primal demo: the whole story in a minute, without any file: phantoms, a training, and what the map gains
// over the best single lambda on phantoms that the training has not seen. --task tells the story of a
// classifier or an autoencoder instead.
#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/evaluation/evaluation.h"
#include "apps/pictures/results.h"
#include "apps/report/evaluation_page.h"
#include "apps/report/page_parts.h"
#include "apps/report/run_sections.h"
#include "apps/report/training_page.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/training/config.h"
#include "apps/training/denoising_task.h"
#include "apps/training/make_task.h"
#include "apps/training/progress.h"
#include "apps/training/run_folder.h"
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
  std::string output = "demo", task = "denoise";
  int64_t steps = 0;
  FigureStyle figures;
  bool overwrite = false;
};

constexpr int64_t kTestPictures = 6;
constexpr uint32_t kTestIndex = uint32_t{1} << 21;  // phantoms of no training or validation
constexpr double kNoise = 0.5;

// This program as it was called, or where it lies.
std::string program_path() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return "primal";
  const fs::path here = fs::current_path(error);
  const fs::path below = program.lexically_relative(here);
  return !error && !below.empty() && *below.begin() != ".." ? below.string() : program.string();
}

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
  config.model.boundary = "symmetric";
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
  found.model.boundary = config.model.boundary;  // earlier demos were periodic
  return config_to_json(found) == config_to_json(config);
}

// A demo replaces a demo, but not what took hours.
void check_folder(const TrainConfig& config) {
  const fs::path folder = config.output;
  if (folder.empty()) throw ConfigError("[demo] --output is empty, expected a folder");
  for (const char* name :
       {kLastCheckpoint, kBestCheckpoint, "config.toml", "metrics.csv", "events.jsonl", "comparison.png",
        "comparison.svg", "comparison.pdf", "comparison.csv", kReportFile}) {
    std::error_code error;
    if (fs::exists(folder / name, error) && !is_of_a_demo(folder, config)) {
      throw ConfigError(
          "[demo] {} contains {}, which is not from a demo; give another --output, or --overwrite",
          config.output, name);
    }
  }
}

std::vector<Panel> panels_of(const Evaluation& e, const EvaluatedPictures& p) {
  return {{"clean", Picture::grey(p.clean)},
          {fmt::format("noisy\n{:.2f} dB", e.noisy.psnr), Picture::grey(p.noisy)},
          {fmt::format("best lambda {:.2f}\n{:.2f} dB", e.lambda_by_psnr, e.by_psnr.psnr),
           Picture::grey(p.scalar)},
          {fmt::format("map\n{:.2f} dB", e.map.psnr), Picture::grey(p.denoised)},
          {"Lambda, log scale", Picture::log_map(p.lambda, "Lambda")}};
}

TrainConfig task_config(const DemoOptions& options) {
  TrainConfig config;
  config.output = options.output;
  config.training.learning_rate = 1e-3;
  if (options.task == "classify") {
    // The type of the noise, which this small network learns in seconds. It does not learn the defects of
    // generated castings: they are small beside its stride of 4, and the parts are turned at random.
    config.task.kind = "classify";
    config.data.target = "noise";
    config.data.n_train = 1000;
    config.data.n_validation = 200;
    config.classifier.size = 96;
    config.training.learning_rate = 5e-4;
    config.training.batch = 5;
    config.training.steps = options.steps > 0 ? options.steps : 2000;
  } else {
    config.task.kind = "reconstruct";
    config.data.n_train = 2000;
    config.data.n_validation = 200;
    config.noise.kind = "absolute";
    config.noise.low = config.noise.high = config.noise.validation = kNoise;
    config.autoencoder.layout = "mnist";
    config.autoencoder.filters = 16;
    config.adam.amsgrad = true;
    config.training.batch = 32;
    config.training.steps = options.steps > 0 ? options.steps : 500;
  }
  complete_config(config);
  return config;
}

// Which of them differ from the defaults; those that the program was called with are in its command.
Settings settings_of(const TrainConfig& config) {
  Settings settings(config);
  const nlohmann::json values = config_to_json(config), defaults = config_to_json(TrainConfig());
  for (const auto& [key, value] : values.items()) {
    if (value != defaults.at(key)) settings.origins[key] = "demo";
  }
  return settings;
}

TrainingPage::OnRemark remark_of(const DemoOptions& options) {
  return [talk = !options.common.quiet](const std::string& text) {
    if (talk) say("  note: {}\n", text);
  };
}

// A classifier of the noise in generated castings, or an autoencoder of generated digits: trained, and scored
// on pictures that it has not seen.
void demo_of_task(const DemoOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  const TrainConfig config = task_config(options);
  if (!options.overwrite) check_folder(config);
  make_result_folder(config.output);
  const std::unique_ptr<Task> task = make_task(config, device);
  const bool talk = !options.common.quiet;
  if (talk) {
    say("{} generated {} train, {} validate, {} parameters, {} thread{}\n", task->n_samples(),
        options.task == "classify" ? "castings" : "digits", task->n_validation(),
        task->model().n_parameters(), num_threads(), num_threads() == 1 ? "" : "s");
  }
  const StopSignals signals;
  const Progress progress(talk ? ProgressMode::automatic : ProgressMode::none, config.training.batch);
  std::vector<Baseline> baselines;
  Metrics metrics;
  TrainingPage page(config.output, *task, remark_of(options));
  const TrainResult trained =
      train_with_page(*task, settings_of(config), false, signals.caught(), page, [&](const TrainEvent& e) {
        progress.show(e);
        if (e.validation.empty()) return;
        baselines = e.baselines;
        metrics = e.validation;
      });
  if (trained.stopped_by != 0) throw Stopped(trained.stopped_by);

  const std::vector<std::string> names = task->metric_names();
  const std::string model = (fs::path(options.output) / kLastCheckpoint).string();
  nlohmann::json json = {{"seconds", trained.seconds}, {"model", model}, {"report", page.file().string()}};
  std::string table =
      fmt::format("\n{:<28} {:>14} {:>10}\n", fmt::format("{} unseen pictures", task->n_validation()),
                  baselines.front().name, "model");
  for (size_t i = 0; i < metrics.size(); ++i) {
    json["model_scores"][names[i]] = metrics[i].mean;
    json["baseline"][names[i]] = baselines.front().metrics[i].mean;
    table += fmt::format("  {:<26} {:>14.4f} {:>10.4f}\n", names[i], baselines.front().metrics[i].mean,
                         metrics[i].mean);
  }
  if (options.common.json) return print_json(json);
  put_text(table);
  put("\n{}  the trained model\n\nNow with a picture of your own:\n  {} {} {} YOUR.png{}\n\n", model,
      program_path(), options.task == "classify" ? "classify" : "denoise", model,
      options.task == "classify" ? "" : " --size 28 -o out");
  put("The report, for a browser:\n  {}\n", page.file().string());
}

// Scores on unseen phantoms, then the training, in one page.
void write_report(const TrainConfig& config, const EvaluationSettings& settings,
                  const std::vector<Evaluation>& scores, const std::vector<EvaluatedPictures>& pictures) {
  const fs::path folder = config.output;
  const RunRecord run = read_run_record(folder, true);
  EvaluationRecord record{.folder = folder, .rows = scores, .models = {"map"}};
  record.summary["settings"] = {
      {"model", "this network"},
      {"folder", "generated phantoms that the training has not seen"},
      {"size", config.data.size},
      {"noise", settings.noise},
      {"noise_kind", name_of(settings.noise_kind)},
      {"seed", settings.seed},
      {"boundary", config.model.boundary},
      {"grid", {{"low", settings.grid.low}, {"high", settings.grid.high}, {"n", settings.grid.n}}},
      {"scalar_iterations", settings.scalar_iterations}};
  std::vector<ShownEvaluation> shown;
  for (const TellingRow& t : telling_rows(scores)) shown.push_back({t.why, scores[t.row], pictures[t.row]});
  Page page = report_page("Primal: the demo", command_of(run));
  page.paragraph(run_paragraph(run, false));
  page.paragraph(
      evaluation_paragraph({record.rows, record.models, record.summary.at("settings"), record.seed()}));
  add_map_evaluation(page, record, shown);
  add_run(page, run, {});
  write_page(folder / kReportFile, page);
}

void demo(const DemoOptions& options) {
  if (options.task != "denoise") return demo_of_task(options);
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  const TrainConfig config = demo_config(options);
  if (!options.overwrite) check_folder(config);
  make_result_folder(config.output);
  DenoisingTask task(config, device);
  const bool talk = !options.common.quiet;
  if (talk) {
    say("{} phantoms of {}x{}, relative noise {}, T = {}, {} parameters, {} thread{}\n", task.n_samples(),
        config.data.size, config.data.size, kNoise, config.model.iterations, task.model().n_parameters(),
        num_threads(), num_threads() == 1 ? "" : "s");
  }
  // The figure of an earlier demo shows another model than the one that is about to be trained.
  const fs::path figure = fs::path(options.output) / ("comparison" + options.figures.ending());
  std::error_code ignored;
  fs::remove(figure, ignored);
  const StopSignals signals;
  const Progress progress(talk ? ProgressMode::automatic : ProgressMode::none, config.training.batch);
  TrainingPage page(config.output, task, remark_of(options));
  const TrainResult trained = train_with_page(task, settings_of(config), false, signals.caught(), page,
                                              [&](const TrainEvent& e) { progress.show(e); });
  if (trained.stopped_by != 0) throw Stopped(trained.stopped_by);

  const auto seed = static_cast<uint64_t>(config.seed);
  const PhantomSet test(seed, kTestPictures, config.data.size, kTestIndex);
  const EvaluationSettings settings{
      .noise = kNoise, .seed = seed, .noise_epoch = kTestIndex, .grid = {0.0, 0.4, 41}};
  std::vector<std::vector<Panel>> rows;
  ScoreColumns noisy, scalar, map;
  std::vector<Evaluation> scores;
  std::vector<EvaluatedPictures> kept;
  for (int64_t i = 0; i < kTestPictures; ++i) {
    EvaluatedPictures pictures;
    const Evaluation e = evaluate_picture(task.unrolled_tv(), test, i, settings, &pictures);
    noisy.add(e.noisy);
    scalar.add({e.by_psnr.psnr, e.by_ssim.ssim});  // the best by each
    map.add(e.map);
    if (rows.size() < 3) rows.push_back(panels_of(e, pictures));
    scores.push_back(e);
    kept.push_back(pictures);
  }
  options.figures.write(figure, {.rows = rows});
  write_report(config, settings, scores, kept);

  if (options.common.json) {
    const auto as_json = [](const ScoreColumns& s) {
      return nlohmann::json{{"psnr", s.mean().psnr}, {"ssim", s.mean().ssim}};
    };
    print_json({{"noisy", as_json(noisy)},
                {"best_scalar", as_json(scalar)},
                {"map", as_json(map)},
                {"pictures", kTestPictures},
                {"seconds", trained.seconds},
                {"figure", figure.string()},
                {"report", page.file().string()}});
    return;
  }
  put("\nmean of {} unseen phantoms   PSNR dB     SSIM\n", kTestPictures);
  const auto row = [](const char* name, const ScoreColumns& s) {
    put("  {:<24} {:>9.2f} {:>8.4f}\n", name, s.mean().psnr, s.mean().ssim);
  };
  row("noisy", noisy);
  row("best scalar lambda", scalar);
  row("map of the network", map);
  const std::string model = (fs::path(options.output) / kLastCheckpoint).string();
  put("\n{}  the pictures side by side\n{}  the trained model\n", figure.string(), model);
  put("\nNow with a picture of your own:\n  {} denoise {} YOUR.png -o out --map\n\n", program_path(), model);
  put("The report, for a browser:\n  {}\n", page.file().string());
}

}  // namespace

void add_demo_command(CLI::App& program) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command =
      program.add_subcommand("demo", "train on phantoms for about a minute and show what the map gains");
  command
      ->add_option("-o,--output", options->output,
                   "folder for the model, the metrics and the figure; those of an earlier demo are replaced")
      ->capture_default_str();
  command
      ->add_option("--task", options->task,
                   "denoise: the map of unrolled TV; classify: the type of noise in pictures of castings; "
                   "autoencoder: noisy digits")
      ->check(CLI::IsMember({"denoise", "classify", "autoencoder"}))
      ->capture_default_str();
  command
      ->add_option("--steps", options->steps,
                   "training steps (default: denoise 2400, classify 2000, autoencoder 500)")
      ->check(whole_range(1));
  add_figure_style(*command, options->figures);
  command->add_flag("--overwrite", options->overwrite, "also replace files that are not from a demo");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal demo\n  primal demo --task classify -o demo_classify\n  primal demo --steps 200 "
      "-o /tmp/demo --json");
  command->callback([options] { demo(*options); });
}

}  // namespace primal
