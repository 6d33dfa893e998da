// Evaluates a classifier, an autoencoder or a model of sequences: prints one table, and with -o writes files.
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/evaluate_options.h"
#include "apps/evaluation/task_evaluation.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/text_file.h"
#include "apps/report/evaluation_files.h"
#include "apps/report/evaluation_page.h"
#include "apps/shell/counted.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "apps/training/checkpoint.h"
#include "apps/training/run_folder.h"
#include "data/file/file.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

void check_options(const EvaluateOptions& o, const fs::path& file) {
  const std::string architecture = architecture_in(Safetensors::read(file));
  const auto refuse = [&](bool given, const char* flag,
                          const char* those = "maps of unrolled TV for pictures") {
    if (given)
      throw ConfigError("[evaluate] {} is for {}, but {} is a model of task {}: leave it out", flag, those,
                        file.string(), task_text(architecture));
  };
  refuse(o.models.size() > 1, "a second model");
  refuse(!o.figures.empty(), "--figure");
  refuse(!o.iterations.empty(), "--iterations");
  refuse(!o.shard_text.empty(), "--shard");
  refuse(!o.merge.empty(), "--merge");
  refuse(o.has_grid, "--grid");
  refuse(o.tiling.text != "auto", "--tile");
  refuse(o.refine.has_value(), "--refine");
  if (architecture != kDynamicTv) {
    refuse(o.size > 0, "--size", "sequences");
    refuse(o.has_scalar_iterations, "--scalar-iterations", "sequences and maps");
  }
  if (architecture == kCastingClassifier) {
    refuse(o.has_noise, "--noise", "models that denoise");
    refuse(!o.noise_kind.empty(), "--noise-kind", "models that denoise");
  }
  if (!o.range.empty() && architecture == kCastingClassifier)
    throw ConfigError(
        "[evaluate] --range: {} is a classifier, which takes pictures as they are: leave it out",
        file.string());
  if (!o.output.empty()) {
    for (const char* name : {"evaluation.csv", "summary.json", kReportFile})
      check_result_file(fs::path(o.output) / name, o.overwrite);
    check_figure_folders(o.output, o.overwrite);
  }
}

TaskEvaluation scored(const EvaluateOptions& o, const fs::path& file, Device device) {
  Meter meter(file.filename().string(), !o.common.quiet, is_terminal(STDERR_FILENO));
  TaskEvaluationSettings settings{
      .data = o.data,
      .noise = o.noise,
      .noise_kind = o.noise_kind,
      .range = o.range,
      .seed = o.seed,
      .limit = o.limit,
      .size = o.size,
      .pair_iterations = o.scalar_iterations,
      .watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); },
      .device = device,
      .figures = !o.output.empty(),
      .figure_settings = {.n_tsne = o.n_tsne, .perplexity = o.perplexity, .seed = o.seed},
      .lpips = o.lpips};
  if (!o.common.quiet) {
    settings.progress = [](const std::string& line) { say("{}\n", line); };
    settings.figure_settings.progress = [&](int iteration, double divergence) {
      meter.hide();
      if (iteration % 200 == 0) say("t-SNE: iteration {}, divergence {:.3f}\n", iteration, divergence);
      return true;
    };
  }
  TaskEvaluation result = evaluate_task(file, settings);
  result.json["settings"] = {
      {"model", file.string()}, {"data", o.data}, {"noise", o.noise}, {"seed", o.seed}};
  result.json["origin"] = origin_json();
  return result;
}

std::string n_broken_text(const TaskEvaluation& result) {
  return counted(result.n_broken, result.json.at("task") == "sequence" ? "sequence" : "picture");
}

void write_files(const TaskEvaluation& result, const EvaluateOptions& o) {
  const fs::path folder = o.output;
  make_result_folder(folder);
  write_text(folder / "evaluation.csv", result.csv);
  make_result_folder(folder / "figures");
  for (const auto& [name, figure] : result.figures)
    o.style.write(folder / "figures" / (name + o.style.ending()), figure);
  for (const auto& [name, apng] : result.films)
    write_file_atomically(folder / "figures" / (name + ".png"), apng);
  write_text(folder / "summary.json", json_text(result.json, 2) + "\n");
  EvaluationRecord record{.folder = folder, .summary = result.json};
  if (result.stopped_by != 0) record.problems.push_back("The evaluation was stopped before its end.");
  if (result.n_broken > 0)
    record.problems.push_back(fmt::format("{} could not be used and {} not scored.", n_broken_text(result),
                                          result.n_broken == 1 ? "was" : "were"));
  write_page(folder / kReportFile, task_evaluation_page(record, result.figures, result.samples));
}

}  // namespace

void evaluate_task_command(const EvaluateOptions& o, const fs::path& file, Device device) {
  check_options(o, file);
  const TaskEvaluation result = scored(o, file, device);
  if (!o.output.empty()) write_files(result, o);
  if (o.common.json)
    print_json(result.json);
  else
    put_text(result.text);
  flush_output();
  if (!o.common.quiet) {
    for (const std::string& remark : result.remarks) say("note: {}\n", remark);
  }
  if (result.stopped_by != 0) throw Stopped(result.stopped_by, !o.output.empty());
  if (result.n_broken > 0) throw DataError("[evaluate] {} could not be used", n_broken_text(result));
}

}  // namespace primal
