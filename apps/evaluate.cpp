// primal evaluate: the dissertation's evaluation. Every test picture is made noisy and denoised with the map, and with the best
// scalar lambda of a grid; table, intervals, CSV and pictures of the comparison.
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <fstream>
#include <optional>

#include "apps/commands.h"
#include "apps/evaluation/comparison.h"
#include "apps/evaluation/report.h"
#include "apps/json_text.h"
#include "apps/number_range.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/text_file.h"
#include "apps/pictures/tiling.h"
#include "apps/signals.h"
#include "apps/streams.h"
#include "apps/training/checkpoint.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  CommonOptions common;
  std::string model, data, output, noise_kind, grid = kDefaultGrid;
  std::vector<std::string> figures;
  double noise = 0.5;
  int64_t size = 0, limit = 0, iterations = 256;
  uint64_t seed = 42;
  bool overwrite = false;
  Tiling tiling;
};

// The test pictures; one that is smaller than the side asked for is said.
class TestPictures : public ImageFolder {
 public:
  TestPictures(const fs::path& folder, int64_t size, int64_t limit, bool quiet)
      : ImageFolder(folder, size, limit), quiet_(quiet) {}

 private:
  Image load(int64_t i) const override {
    const Image image = read_image(path(i));
    const int64_t side = picture_size();
    if (!quiet_ && std::min(image.width, image.height) < side) {
      say("{} has {} x {} pixels: enlarged to {} x {}\n", path(i).string(), image.width, image.height, side,
          side);
    }
    return preprocess(image, side);
  }

  bool quiet_;
};

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
          "[evaluate] --figure {}: no picture of that name, nor number from 1 to {}; the first is called {}",
          wanted, pictures.size(), pictures.name(0));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

// The files of -o DIR; evaluation.csv grows with each picture, so a stopped evaluation keeps what it has.
class EvaluationFiles {
 public:
  EvaluationFiles(const std::string& folder, bool overwrite) : folder_(folder) {
    if (folder.empty()) return;
    for (const char* name : {"evaluation.csv", "summary.json"}) check_result_file(folder_ / name, overwrite);
    if (std::error_code error; !overwrite && fs::exists(folder_ / "figures", error)) {
      throw IoError("[output] {} exists; give --overwrite to replace its figures",
                    (folder_ / "figures").string());
    }
    csv_.open(folder_ / "evaluation.csv", std::ios::trunc);
    append(csv_header());
  }

  void append(const std::string& line) {
    if (folder_.empty()) return;
    csv_ << line << std::flush;
    if (!csv_) {
      throw IoError("[evaluate] cannot write {}: the disk may be full; the rows before are kept",
                    (folder_ / "evaluation.csv").string());
    }
  }
  void write_summary(const nlohmann::json& summary) const {
    if (!folder_.empty()) write_text(folder_ / "summary.json", json_text(summary, 2) + "\n");
  }
  std::string write_figure(const std::string& name, const Image& figure) const {
    const fs::path file = folder_ / "figures" / fs::path(name).replace_extension(".png");
    make_result_folder(file.parent_path());
    write_png(file, figure);
    return file.string();
  }
  bool any() const { return !folder_.empty(); }

 private:
  fs::path folder_;
  std::ofstream csv_;
};

struct Evaluated {
  std::vector<Evaluation> rows;
  std::vector<int64_t> pictures;  // the one of each row
  int stopped_by = 0;             // a signal
};

// Where nobody chose: the first picture, and those whose PSNR the map improves by the median and the least.
std::vector<int64_t> telling_figures(const Evaluated& result) {
  std::vector<size_t> order(result.rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](size_t i) { return result.rows[i].psnr_gain(); });
  return {result.pictures.front(), result.pictures[order[order.size() / 2]], result.pictures[order.front()]};
}

Evaluated evaluate_all(const UnrolledTv& model, const Dataset& pictures, const EvaluationSettings& settings,
                       EvaluationFiles& files, Failures& failures, bool quiet) {
  const StopSignals signals;
  const auto start = std::chrono::steady_clock::now();
  Evaluated result;
  for (int64_t i = 0; i < pictures.size() && result.stopped_by == 0; ++i) {
    try {
      pictures.clean(i);  // from the cache from here on
    } catch (const Error& error) {
      failures.add(pictures.name(i), error);
      result.stopped_by = signals.caught();
      continue;
    }
    result.rows.push_back(evaluate_picture(model, pictures, i, settings));
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
                             const ImageFolder& pictures) {
  return {{"model", o.model},
          {"folder", pictures.folder().string()},
          {"size", pictures.picture_size()},
          {"noise", s.noise},
          {"noise_kind", name_of(s.noise_kind)},
          {"seed", s.seed},
          {"grid", {{"low", s.grid.low}, {"high", s.grid.high}, {"n", s.grid.n}}},
          {"scalar_iterations", s.scalar_iterations}};
}

void evaluate(const EvaluateOptions& o) {
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  if (!o.figures.empty() && o.output.empty())
    throw ConfigError("[evaluate] --figure needs -o DIR to write to");
  EvaluationSettings settings{
      .noise = o.noise, .seed = o.seed, .grid = parse_lambda_grid(o.grid), .scalar_iterations = o.iterations};
  const std::unique_ptr<UnrolledTv> model = load_model(o.model, {}, device);
  const TrainConfig config = model_config(o.model);
  settings.noise_kind = parse_noise_kind(o.noise_kind.empty() ? config.noise.kind : o.noise_kind);
  const TestPictures pictures(split_folder(o.data, "test"), o.size > 0 ? o.size : config.data.size, o.limit,
                              o.common.quiet);
  std::vector<int64_t> figures = chosen_figures(o, pictures);
  const int64_t side = pictures.picture_size();
  const MapPlan plan = plan_map(*model, {1, 1, 1, side, side}, o.tiling);
  settings.tile = plan.tile;
  if (plan.tile > 0 && !o.common.quiet) say("the network works in {}\n", tiles_text(plan));
  EvaluationFiles files(o.output, o.overwrite);

  Failures failures(static_cast<size_t>(pictures.size()));
  const Evaluated result = evaluate_all(*model, pictures, settings, files, failures, o.common.quiet);
  if (result.rows.empty()) failures.finish("evaluate");
  const EvaluationSummary summary = summarise(result.rows, o.seed);
  nlohmann::json json = summary_json(summary);
  json["settings"] = settings_json(o, settings, pictures);
  json["errors"] = failures.json();
  json["complete"] = static_cast<int64_t>(result.rows.size()) == pictures.size();
  files.write_summary(json);

  std::string written;
  if (files.any()) {
    if (figures.empty()) figures = telling_figures(result);
    std::ranges::sort(figures);
    figures.erase(std::unique(figures.begin(), figures.end()), figures.end());
    for (const int64_t i : figures) {
      if (!std::ranges::binary_search(result.pictures, i)) continue;  // stopped before it, or not read
      // Computed again: to keep every picture until the choice is known would take memory without bound.
      EvaluatedPictures kept;
      const Evaluation scores = evaluate_picture(*model, pictures, i, settings, &kept);
      written += files.write_figure(scores.name, comparison_figure(scores, kept)) + "\n";
    }
  }
  if (o.common.json) {
    json["pictures"] = nlohmann::json::array();
    for (const Evaluation& row : result.rows) json["pictures"].push_back(row_json(row));
    print_json(json);
  } else {
    fmt::print("{}", summary_table(summary));
  }
  flush_output();
  if (files.any() && !o.common.quiet) {
    say("\n{}\n{}\n{}", (fs::path(o.output) / "evaluation.csv").string(),
        (fs::path(o.output) / "summary.json").string(), written);
  }
  if (result.stopped_by != 0) throw Stopped(result.stopped_by, files.any());
  failures.finish("evaluate");
}

}  // namespace

void add_evaluate_command(CLI::App& program) {
  auto o = std::make_shared<EvaluateOptions>();
  CLI::App* command = program.add_subcommand(
      "evaluate", "compare a model's map with the best scalar lambda of each test picture");
  command->add_option("MODEL", o->model, "checkpoint, or bare weights of the thesis model")->required();
  command->add_option("--data", o->data, "folder of clean pictures: DIR/test where there is one, or flat")
      ->required();
  command->add_option("--size", o->size, "side of the pictures, pixels (default: as the model was trained)")
      ->check(whole_range(7, 16384));
  command->add_option("--noise", o->noise, "standard deviation")
      ->check(number_range(0, 10))
      ->capture_default_str();
  command
      ->add_option(
          "--noise-kind", o->noise_kind,
          "relative to the picture's deviation, or absolute and clipped (default: as the model was trained)")
      ->check(CLI::IsMember({"relative", "absolute"}));
  command->add_option("--seed", o->seed, "of the noise and the bootstrap")
      ->check(whole_range(0))
      ->capture_default_str();
  command->add_option("--limit", o->limit, "only the first N pictures")->check(whole_range(1));
  command->add_option("--grid", o->grid, "LOW:HIGH:N, the scalar lambdas to choose from")
      ->capture_default_str();
  command->add_option("--iterations", o->iterations, "of PDHG for each scalar lambda")
      ->check(whole_range(1, 1'000'000'000))
      ->capture_default_str();
  o->tiling.add_to(*command);
  command->add_option("-o,--output", o->output,
                      "folder for evaluation.csv (a row per picture), summary.json and figures/");
  command
      ->add_option(
          "--figure", o->figures,
          "picture to show side by side, by name or number from 1; may be repeated (default: the first, and "
          "those with the median and the worst gain of PSNR)")
      ->allow_extra_args(false);
  command->add_flag("--overwrite", o->overwrite, "replace files that exist");
  o->common.add_to(*command);
  command->footer(
      "PSNR and SSIM are of the unclipped result, data range 1. The best scalar lambda is chosen for each "
      "picture, once\n"
      "by PSNR and once by SSIM, with the clean picture in hand. A picture that cannot be read is said, the "
      "others go on;\n"
      "the exit code is then 3. Ctrl-C stops after the picture at hand and "
      "reports.\n"
      "Examples:\n  primal evaluate runs/thesis/best.safetensors --data chest_xray -o evaluation\n"
      "  primal evaluate runs/thesis/best.safetensors --data chest_xray --noise 0.3 --limit 10 --figure 1");
  command->callback([o] { evaluate(*o); });
}

}  // namespace primal
