// primal evaluate: the dissertation's evaluation. Every test picture is made noisy and denoised with the map,
// and with the best scalar lambda of a grid; table, intervals, CSV and pictures of the comparison.
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/evaluate_options.h"
#include "apps/evaluation/comparison.h"
#include "apps/evaluation/iteration_scores.h"
#include "apps/evaluation/model_names.h"
#include "apps/evaluation/report.h"
#include "apps/evaluation/score_figures.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/text_file.h"
#include "apps/pictures/tiling.h"
#include "apps/report/evaluation_files.h"
#include "apps/report/evaluation_page.h"
#include "apps/report/evaluation_parts.h"
#include "apps/shards/part_settings.h"
#include "apps/shards/shard.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "apps/training/model_choice.h"
#include "apps/training/run_folder.h"
#include "apps/training/task.h"
#include "apps/training/test_pictures.h"
#include "data/preprocess/level_range.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// Why the model may have been trained on the pictures to be scored, which would flatter it; empty where it
// was not.
std::string seen_in_training(const fs::path& data, const fs::path& scored, const TrainConfig& trained) {
  const auto same = [](const fs::path& a, const fs::path& b) {
    std::error_code error;
    return fs::equivalent(a, b, error);
  };
  const fs::path source = trained.data.folder;
  if (!source.empty() && (same(scored, source) || same(scored, source / "train"))) {
    return fmt::format("the model was trained on pictures of {}: its scores on those are too good",
                       scored.string());
  }
  if (!data.has_filename() ? data.parent_path().filename() == "train" : data.filename() == "train") {
    return fmt::format(
        "{} is a folder of training pictures by its name: the scores of a model trained on them are too good",
        data.string());
  }
  if (scored != data) return "";
  return fmt::format(
      "{} has no folder test, so all its pictures are scored: scores on pictures of the training are too "
      "good",
      data.string());
}

// Figures asked for by name, with or without extension, or by number from 1.
std::vector<int64_t> chosen_figures(const EvaluateOptions& o, const Dataset& pictures) {
  std::vector<int64_t> chosen;
  for (const std::string& wanted : o.figures) {
    std::optional<int64_t> found;
    for (int64_t i = 0; i < pictures.size() && !found; ++i) {
      const fs::path name = pictures.name(i);
      if (wanted == name || wanted == fs::path(name).replace_extension() || wanted == name.stem()) found = i;
    }
    const bool is_number = !wanted.empty() && wanted.size() < 10 &&
                           std::ranges::all_of(wanted, [](char c) { return c >= '0' && c <= '9'; });
    if (!found && is_number) found = std::stoll(wanted) - 1;
    if (!found || *found < 0 || *found >= pictures.size()) {
      throw ConfigError(
          "[evaluate] --figure {}: neither the name of a picture nor a number from 1 to {}; the first "
          "picture is called {}",
          wanted, pictures.size(), pictures.name(0));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

// Which pictures this process has to score.
struct Division {
  Shard shard;
  std::map<std::string, Evaluation> known = {};  // from parts that are merged
};

struct Evaluated {
  std::vector<Evaluation> rows;
  std::vector<int64_t> pictures;  // the one of each row
  int stopped_by = 0;             // a signal
};

int64_t n_known(const Division& division, const Dataset& pictures) {
  int64_t n = 0;
  for (int64_t i = 0; i < pictures.size(); ++i) n += division.known.count(pictures.name(i)) > 0 ? 1 : 0;
  return n;
}

using Models = std::vector<std::unique_ptr<UnrolledTv>>;

Evaluated evaluate_all(const Models& models, const Dataset& pictures, const EvaluationSettings& settings,
                       const Division& division, IterationScores& over_iterations, EvaluationFiles& files,
                       Failures& failures, bool quiet) {
  const StopSignals signals;
  const auto start = std::chrono::steady_clock::now();
  Evaluated result;
  for (int64_t i = 0; i < pictures.size() && result.stopped_by == 0; ++i) {
    if (!division.shard.has(static_cast<size_t>(i))) continue;
    if (const auto found = division.known.find(pictures.name(i)); found != division.known.end()) {
      result.rows.push_back(found->second);
      result.pictures.push_back(i);
      files.append(csv_row(found->second));
      continue;
    }
    try {
      const Tensor clean = pictures.clean(i);  // from the cache from here on
      if (!quiet && stays_clean(clean, settings.noise_kind, settings.noise))
        say("note: {}\n", no_noise_remark(pictures.name(i)));
    } catch (const Error& error) {
      failures.add(pictures.name(i), error);
      result.stopped_by = signals.caught();
      continue;
    }
    result.rows.push_back(evaluate_picture(*models.front(), pictures, i, settings));
    for (size_t m = 1; m < models.size(); ++m)
      result.rows.back().other_maps.push_back(map_scores(*models[m], pictures, i, settings));
    over_iterations.add(*models.front(), pictures, i, settings);
    result.pictures.push_back(i);
    const Evaluation& e = result.rows.back();
    files.append(csv_row(e));
    if (!quiet) {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const double left = seconds / static_cast<double>(i + 1) * static_cast<double>(pictures.size() - i - 1);
      say("{:>4}/{} {}: noisy {:.2f}, scalar {:.2f} at {:.3g}, map {:.2f} dB ({:+.2f}), {:.0f} s left\n",
          i + 1, pictures.size(), e.name, e.noisy.psnr, e.by_psnr.psnr, e.lambda_by_psnr, e.map.psnr,
          e.psnr_gain(), left);
    }
    result.stopped_by = signals.caught();
  }
  return result;
}

nlohmann::json settings_json(const EvaluateOptions& o, const EvaluationSettings& s,
                             const ImageFolder& pictures, const char* boundary, const std::string& range,
                             const std::vector<std::string>& checksums, const std::vector<bool>& refine) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < pictures.size(); ++i) names.push_back(pictures.name(i));
  return {{"n_pictures", pictures.size()},
          {"names", identity_of(names)},  // the noise of a picture depends on its place among them
          {"model", o.models.front()},
          {"models", o.models},
          {"folder", pictures.folder().string()},
          {"size", pictures.picture_size()},
          {"noise", s.noise},
          {"noise_kind", name_of(s.noise_kind)},
          {"seed", s.seed},
          {"boundary", boundary},
          {"range", range},
          {"tile", s.tile},
          {"refine", refine},
          {"weights", checksums},
          {"grid", {{"low", s.grid.low}, {"high", s.grid.high}, {"n", s.grid.n}}},
          {"scalar_iterations", s.scalar_iterations}};
}

bool is_among(const std::vector<int64_t>& chosen, const std::string& name, const Dataset& pictures) {
  return std::ranges::any_of(chosen, [&](int64_t i) { return pictures.name(i) == name; });
}

std::string write_report(const EvaluateOptions& o, const nlohmann::json& json,
                         const std::vector<Evaluation>& rows, const Failures& failures,
                         const std::vector<ShownEvaluation>& shown, int64_t n_pictures) {
  EvaluationRecord record{
      .folder = o.output, .summary = json, .rows = rows, .models = names_of_models(o.models)};
  const auto n_failed = std::ssize(failures.json());
  if (n_failed > 0)
    record.problems.push_back(fmt::format("{} of {} pictures could not be processed and {} not scored.",
                                          n_failed, n_pictures, n_failed == 1 ? "is" : "are"));
  if (!o.shard.is_all()) {
    record.problems.push_back(fmt::format("This is part {} of an evaluation, {} of {} pictures.",
                                          o.shard.str(), rows.size(), n_pictures));
  } else if (std::ssize(rows) + n_failed < n_pictures)
    record.problems.push_back(
        fmt::format("The evaluation was stopped after {} of {} pictures.", rows.size(), n_pictures));
  const fs::path file = record.folder / kReportFile;
  write_page(file, evaluation_page(record, shown));
  return file.string();
}

}  // namespace

void evaluate(EvaluateOptions o) {
  if (!o.shard_text.empty()) o.shard = parse_shard(o.shard_text);
  if (!o.merge.empty() && !o.iterations.empty())
    throw ConfigError("[evaluate] --merge: parts do not keep the scores of --iterations; leave that out");
  check_merged_elsewhere(o.merge, o.output);
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  if (!o.figures.empty() && o.output.empty())
    throw ConfigError("[evaluate] --figure needs -o DIR to write to");
  EvaluationSettings settings{.noise = o.noise,
                              .seed = o.seed,
                              .grid = parse_lambda_grid(o.grid),
                              .scalar_iterations = o.scalar_iterations,
                              .refine = o.refine};
  IterationScores over_iterations(o.iterations.empty() ? std::vector<int64_t>()
                                                       : parse_iterations(o.iterations));
  Models models;
  std::vector<fs::path> files_of_models;
  for (const std::string& named : o.models) files_of_models.push_back(model_file(named, o.common.quiet));
  if (architecture_in(Safetensors::read(files_of_models.front())) != kUnrolledTv)
    return evaluate_task_command(o, files_of_models.front(), device);
  if (!o.lpips.empty())
    throw ConfigError("[evaluate] --lpips is for models of task reconstruct; {} is one of task denoise",
                      files_of_models.front().string());
  for (const fs::path& file : files_of_models) models.push_back(load_model(file, {}, device));
  const UnrolledTv& model = *models.front();
  const TrainConfig config = model_config(files_of_models.front());
  settings.noise_kind = parse_noise_kind(o.noise_kind.empty() ? config.noise.kind : o.noise_kind);
  const std::string range = o.range.empty() ? config.data.range : o.range;
  const TestPictures pictures(split_folder(o.data, "test"), o.size > 0 ? o.size : config.data.size, o.limit,
                              parse_level_range(range), o.common.quiet);
  const std::vector<int64_t> figures = chosen_figures(o, pictures);
  const int64_t side = pictures.picture_size();
  if (const std::string seen = seen_in_training(o.data, pictures.folder(), config); !seen.empty()) {
    if (!o.common.quiet) say("note: {}\n", seen);
  }
  const MapPlan plan = plan_map(model, {1, 1, 1, side, side}, o.tiling);
  settings.tile = plan.tile;
  if (plan.tile > 0 && !o.common.quiet) say("the network works in {}\n", tiles_text(plan));
  std::vector<std::string> checksums;
  std::vector<bool> refine;
  for (const fs::path& file : files_of_models)
    checksums.push_back(fmt::format("{:08x}", Safetensors::read(file).crc32()));
  for (const auto& one : models) refine.push_back(o.refine.value_or(one->options().refine));
  const nlohmann::json all_settings =
      settings_json(o, settings, pictures, name_of(model.options().boundary), range, checksums, refine);
  EvaluationParts parts = read_evaluation_parts({o.merge.begin(), o.merge.end()}, all_settings);
  const Division division{.shard = o.shard, .known = std::move(parts.scores)};
  if (!o.common.quiet && !o.shard.is_all()) say("part {} of {} pictures\n", o.shard.str(), pictures.size());
  if (!o.common.quiet && !o.merge.empty())
    say("{} of {} pictures are scored in the parts that are merged\n", n_known(division, pictures),
        pictures.size());
  if (!o.common.quiet) {
    for (const std::string& remark : parts.remarks) say("note: {}\n", remark);
  }
  EvaluationFiles files(o.output, o.overwrite, models.size());
  if (files.any()) files.write(kPartSettings, json_text(all_settings, 2) + "\n");

  Failures failures(static_cast<size_t>(pictures.size()));
  const Evaluated result =
      evaluate_all(models, pictures, settings, division, over_iterations, files, failures, o.common.quiet);
  if (result.rows.empty()) failures.finish("evaluate");
  if (result.rows.empty() && result.stopped_by == 0) {  // more parts than pictures
    if (o.common.json) print_json({{"n_pictures", 0}, {"settings", all_settings}});
    return;
  }
  const EvaluationSummary summary = summarise(result.rows, o.seed, names_of_models(o.models));
  nlohmann::json json = summary_json(summary);
  json["settings"] = all_settings;
  json["origin"] = origin_json();
  json["errors"] = failures.json();
  json["complete"] = std::ssize(result.rows) == pictures.size();
  std::string table = summary_table(summary);
  const std::vector<IterationScores::Row> iterations = over_iterations.rows();
  if (over_iterations.any()) {
    json["iterations"] = iterations_json(iterations);
    table += iterations_table(iterations);
  }
  files.write_summary(json, table);
  if (files.any()) files.write("summary.csv", summary_csv(summary));

  std::string written;
  if (files.any()) {
    written +=
        files.write_figure("scores/boxes", score_boxes(result.rows, names_of_models(o.models)), o.style) +
        "\n";
    written += files.write_figure("scores/gains", gain_histograms(result.rows, summary), o.style) + "\n";
    if (over_iterations.any()) {
      files.write("iterations.csv", iterations_csv(iterations));
      written += files.write_figure("scores/iterations",
                                    iterations_figure(iterations, model.options().n_iter), o.style) +
                 "\n";
    }
    // Computed again: to keep every picture until the choice is known would take memory without bound.
    const std::vector<ShownEvaluation> shown =
        shown_evaluations({model, pictures, settings}, result.rows, result.pictures, figures);
    for (const ShownEvaluation& s : shown) {
      if (!figures.empty() && !is_among(figures, s.scores.name, pictures)) continue;  // for the report alone
      const std::string name = fs::path(s.scores.name).replace_extension().string();
      written +=
          files.write_figure("figures/" + name, comparison_figure(s.scores, s.pictures), o.style) + "\n";
      written += files.write_figure("search/" + name, search_figure(s.scores, s.pictures), o.style) + "\n";
      written += files.write_figure("lambda/" + name, lambda_figure(s.pictures), o.style) + "\n";
    }
    written += write_report(o, json, result.rows, failures, shown, pictures.size()) + "\n";
  }
  if (o.common.json) {
    json["pictures"] = nlohmann::json::array();
    for (const Evaluation& row : result.rows) json["pictures"].push_back(row_json(row));
    print_json(json);
  } else {
    put_text(table);
  }
  flush_output();
  if (!o.common.quiet) {
    for (const std::string& remark : summary_remarks(summary)) say("note: {}\n", remark);
  }
  if (files.any() && !o.common.quiet) {
    say("\n{}\n{}\n", (fs::path(o.output) / "evaluation.csv").string(),
        (fs::path(o.output) / "summary.json").string());
    say_text(written);
  }
  if (result.stopped_by != 0) throw Stopped(result.stopped_by, files.any());
  failures.finish("evaluate");
}

}  // namespace primal
