// primal denoise: pictures in, denoised pictures out, with a trained model or with one lambda for all pixels.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/map_file.h"
#include "apps/pictures/picture_denoising.h"
#include "apps/pictures/results.h"
#include "apps/scores/scores.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct DenoiseOptions : PictureDenoisingOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string output, clean, boundary;
  int64_t limit = 0;
  bool map = false, compare = false, overwrite = false, skip_existing = false;
  Tiling tiling;
};

void check_options(const DenoiseOptions& o) {
  if (!o.lambda && o.paths.size() < 2) {
    throw ConfigError(
        "[denoise] expects MODEL followed by pictures, found only {}; for scalar TV without a model give "
        "--lambda",
        o.paths.front());
  }
  for (const std::string& path : o.paths) {
    if (o.lambda && fs::path(path).extension() == ".safetensors") {
      throw ConfigError("[denoise] --lambda does not take a model: leave out {} or --lambda", path);
    }
  }
  if (o.lambda && o.map) {
    throw ConfigError("[denoise] --map with --lambda: one lambda for all pixels is not a map");
  }
  if (o.lambda && o.tiling.text != "auto") {
    throw ConfigError("[denoise] --tile with --lambda: without a model there is no network to work in tiles");
  }
  if (o.noise && !o.clean.empty()) {
    throw ConfigError(
        "[denoise] --noise treats the pictures as clean, --clean treats them as noisy: give only one of "
        "them");
  }
  if (o.output.empty() && !o.is_scored()) {
    throw ConfigError(
        "[denoise] there is nowhere to write to: give -o DIR, or --noise S or --clean X to measure only");
  }
  if (o.output.empty() && (o.map || o.compare)) {
    throw ConfigError("[denoise] --map and --compare write files: give -o DIR too");
  }
  if (o.skip_existing && (o.output.empty() || o.output == "-" || o.overwrite)) {
    throw ConfigError(
        "[denoise] --skip-existing applies to files: give it with -o DIR and without --overwrite");
  }
  if (o.output == "-" && (o.map || o.compare || o.common.json)) {
    throw ConfigError(
        "[denoise] -o - reserves standard output for the picture: --map, --compare and --json need another "
        "-o");
  }
}

// A file that is there is not wanted any more, nor a picture that has all of its files.
void leave_out_existing(std::vector<DenoisingJob>& jobs) {
  for (DenoisingJob& job : jobs) {
    for (fs::path* file : {&job.denoised, &job.map, &job.compare}) {
      std::error_code error;
      if (fs::exists(*file, error)) file->clear();
    }
  }
  std::erase_if(jobs, [](const DenoisingJob& job) {
    return job.denoised.empty() && job.map.empty() && job.compare.empty();
  });
}

std::vector<DenoisingJob> plan(const DenoiseOptions& o, const std::vector<PictureInput>& inputs) {
  std::vector<DenoisingJob> jobs;
  for (const PictureInput& input : inputs) {
    jobs.push_back({input, static_cast<uint32_t>(jobs.size()), {}, {}, {}, {}});
  }
  if (!o.clean.empty()) {
    const std::vector<PictureInput> clean = find_clean_inputs(o.clean, inputs);
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i].clean = clean[i];
  }
  ResultPlace place(o.output, o.overwrite || o.skip_existing, inputs.size());
  if (place.is_nowhere() || place.is_stdout()) return jobs;
  std::vector<PictureInput> named = inputs;
  make_names_unique(named);
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].input.name = named[i].name;
  const MapFormat format = parse_map_format(o.map_format);
  for (DenoisingJob& job : jobs) {
    const auto file = [&](const std::string& suffix) {
      return place.file(job.input.name, job.input.str(), suffix);
    };
    job.denoised = file(".png");
    if (o.map) job.map = file(map_suffix(format, o.figures));
    if (o.compare) job.compare = file("_compare" + o.figures.ending());
    if (o.figures.data && o.map && format == MapFormat::figure) file("_lambda.csv");
    if (o.figures.data && o.compare) file("_compare.csv");
  }
  place.prepare();
  if (o.skip_existing) leave_out_existing(jobs);
  return jobs;
}

std::string head_line() {
  return fmt::format("{:<32} {:>9} {:>9} {:>11} {:>9}\n", "picture", "noisy dB", "dB", "noisy SSIM", "SSIM");
}

std::string score_line(const std::string& name, const Scores& noisy, const Scores& denoised) {
  return fmt::format("{:<32} {:>9} {:>9} {:>11} {:>9}\n", name, score_text(noisy.psnr, 3),
                     score_text(denoised.psnr, 3), score_text(noisy.ssim, 4), score_text(denoised.ssim, 4));
}

void denoise(DenoiseOptions options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  options.has_clean = !options.clean.empty();
  options.to_standard_output = options.output == "-";
  options.quiet = options.common.quiet;
  options.json = options.common.json;
  check_options(options);
  InputRemarks remarks;
  const std::vector<PictureInput> inputs = find_inputs(
      {options.paths.begin() + (options.lambda ? 0 : 1), options.paths.end()}, options.limit, &remarks);
  const Denoiser denoiser(
      {.model = options.lambda ? "" : options.paths.front(),
       .lambda = options.lambda,
       .iterations = options.iterations,
       .gap = options.gap,
       .boundary = options.boundary.empty() ? std::nullopt : std::optional(parse_boundary(options.boundary)),
       .tiling = options.tiling,
       .quiet = options.common.quiet,
       .device = device});
  if (options.map && denoiser.is_autoencoder())
    throw ConfigError("[denoise] --map: {} is an autoencoder, which has no map", options.paths.front());
  const std::vector<DenoisingJob> jobs = plan(options, inputs);

  const bool aside = options.to_standard_output;  // standard output belongs to the picture
  const bool tabled = options.is_scored() && !options.common.json && !(aside && options.common.quiet);
  const auto print = [&](const std::string& line) {
    if (aside) return say_text(line);
    put_text(line);
    flush_output();
  };
  const size_t n_skipped = inputs.size() - jobs.size();
  if (n_skipped > 0 && !options.common.quiet) {
    say("{} of {} pictures are skipped, because their results exist\n", n_skipped, inputs.size());
  }
  nlohmann::json rows = nlohmann::json::array();
  Failures failures(inputs.size() + remarks.missing.size());
  for (const auto& [path, problem] : remarks.missing) failures.add(path, problem);
  if (!remarks.left_out.empty() && !options.common.quiet) say("note: {}\n", remarks.left_out_text());
  ScoreColumns noisy, denoised;
  PictureDenoising one(options, denoiser);
  for (const DenoisingJob& job : jobs) {
    DenoisingInput pictures;
    try {
      pictures = one.read(job);
    } catch (const Error& error) {
      failures.add(job.input.str(), error);
      continue;
    }
    const DenoisingRow row = one(job, pictures);
    noisy.add(row.noisy);
    denoised.add(row.denoised);
    rows.push_back(to_json(row));
    if (tabled && rows.size() == 1) print(head_line());
    if (tabled) print(score_line(visible(row.name), row.noisy, row.denoised));
  }
  if (options.common.json) {
    nlohmann::json report = {{"pictures", rows}, {"errors", failures.json()}};
    if (options.skip_existing) report["skipped"] = n_skipped;
    if (options.is_scored() && !rows.empty()) {
      report["mean"] = scores_json(noisy.mean(), denoised.mean());
      report["infinite"] = {{"psnr_noisy", noisy.psnr().n_infinite}, {"psnr", denoised.psnr().n_infinite}};
    }
    print_json(report);
  } else if (tabled && !rows.empty()) {
    print(score_line(fmt::format("mean of {}", rows.size()), noisy.mean(), denoised.mean()));
  }
  flush_output();
  if (one.n_far() > 1 && !options.common.quiet)
    say("note: {} of {} results are as far from convergence\n", one.n_far(), rows.size());
  for (const auto& [name, summary] :
       {std::pair{"noisy PSNR", noisy.psnr()}, std::pair{"PSNR", denoised.psnr()}}) {
    if (options.is_scored() && !options.common.quiet && !summary.all_finite())
      say("note: {}\n", remark_of(name, summary));
  }
  failures.finish("denoise");
}

void add_input_options(CLI::App& command, DenoiseOptions& o) {
  command
      .add_option("paths", o.paths,
                  "MODEL (a checkpoint or the folder of a run; none with --lambda), then pictures: PNG or "
                  "JPEG files, folders, quoted\n"
                  "patterns such as 'scans/*.png', or - for standard input")
      ->required();
  command
      .add_option("--size", o.size,
                  "first crop to a square and resize to this many pixels a side, as in training")
      ->check(whole_range(1, 16384));
  command.add_option("--limit", o.limit, "only the first N pictures")->check(whole_range(1));
  command
      .add_option("--noise", o.noise,
                  "treat the pictures as clean: add noise of this standard deviation and print PSNR and SSIM")
      ->check(number_range(0, 10));
  command
      .add_option("--noise-kind", o.noise_kind,
                  "relative to the picture's deviation, or absolute and clipped (default: as the model was "
                  "trained; relative)")
      ->check(CLI::IsMember({"relative", "absolute"}));
  command.add_option("--seed", o.seed, "seed of the noise")->check(whole_range(0))->capture_default_str();
  command.add_option("--clean", o.clean,
                     "treat the pictures as noisy and score them against this clean picture, or against the "
                     "pictures of the same names in this folder");
}

void add_solver_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option("--lambda", o.lambda, "the weight of scalar TV, without a model")
      ->check(number_range(0, 100));
  command
      .add_option(
          "--iterations", o.iterations,
          "iterations of PDHG (default: the model's T; 256 with --lambda), or with --gap at most this many "
          "(default 10000)")
      ->check(whole_range(1, 1'000'000'000));
  add_boundary_option(command, o.boundary, "the model's; symmetric with --lambda");
  add_range_option(command, o.range, "as the model was trained; full with --lambda");
  add_tile_option(command, o.tiling);
  command
      .add_option(
          "--gap", o.gap,
          "iterate until the primal-dual gap is this share of the objective, for example 1e-4, instead of "
          "T times; the gap is checked every 16 iterations")
      ->check(number_range(1e-12, 1));
}

void add_output_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option(
      "-o,--output", o.output,
      "folder for the results, PNG files with the names, sizes and bit depths of the pictures; FILE.png "
      "for one picture; - for standard output");
  CLI::Option* map = command.add_flag("--map", o.map, "also write Lambda, as NAME_lambda.png");
  command
      .add_option(
          "--map-format", o.map_format,
          "figure: in colour, log scale with a bar; raw: 16-bit PNG, Lambda = level * the scale in its "
          "text chunk; safetensors: float32")
      ->check(CLI::IsMember({"figure", "raw", "safetensors"}))
      ->capture_default_str()
      ->needs(map);
  command.add_flag("--compare", o.compare, "write the pictures side by side, as NAME_compare.png");
  add_figure_style(command, o.figures);
  command.add_flag("--overwrite", o.overwrite, "replace files that exist");
  command.add_flag("--skip-existing", o.skip_existing,
                   "skip pictures whose results exist, to continue after an interruption");
}

}  // namespace

void add_denoise_command(CLI::App& program) {
  auto options = std::make_shared<DenoiseOptions>();
  CLI::App* command = program.add_subcommand("denoise", "denoise pictures");
  add_input_options(*command, *options);
  add_solver_options(*command, *options);
  add_output_options(*command, *options);
  options->common.add_to(*command);
  command->footer(
      "If a picture cannot be found or read, the error is reported, the others are still processed, and the\n"
      "exit code is 3. Each result is named after its picture, NAME.png; if pictures differ only in their\n"
      "extensions, a.jpg becomes a_jpg.png.\n"
      "Examples:\n  primal denoise runs/thesis/best.safetensors noisy.png -o denoised --map\n"
      "  primal denoise --lambda 0.07 scans/ -o denoised\n"
      "  primal denoise --lambda 0.07 --gap 1e-4 'scans/*.png' -o denoised\n"
      "  primal denoise runs/thesis/best.safetensors - -o - < noisy.png > denoised.png\n"
      "  primal denoise runs/thesis/best.safetensors chest_xray/test --size 256 --noise 0.5 --limit 20");
  command->callback([options] { denoise(*options); });
}

}  // namespace primal
