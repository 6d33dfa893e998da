// primal denoise: pictures in, denoised pictures out, with a trained model or with one lambda for all pixels.
#include <algorithm>
#include <fmt/core.h>
#include <optional>

#include "apps/commands.h"
#include "apps/json_text.h"
#include "apps/number_range.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/map_file.h"
#include "apps/pictures/results.h"
#include "apps/pictures/scores.h"
#include "apps/streams.h"
#include "data/figure/figure.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct DenoiseOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string output;
  std::optional<double> lambda, noise;
  double gap = 0.0;
  int64_t iterations = 0, size = 0, limit = 0;
  std::string noise_kind, clean, map_format = "figure";
  uint64_t seed = 42;
  bool map = false, compare = false, overwrite = false, skip_existing = false;
  Tiling tiling;

  bool scored() const { return noise || !clean.empty(); }
};

// One picture and where its results go.
struct Job {
  PictureInput input;
  uint32_t number;  // among all pictures given: of its noise
  std::optional<PictureInput> clean;
  fs::path denoised, map, compare;  // empty: not wanted
};

// What is read for one: grey; clean is not defined without --clean.
struct Pictures {
  Image picture;
  Tensor clean;
};

struct Row {
  std::string name;
  nlohmann::json json;
  Scores noisy, denoised;
};

void check_options(const DenoiseOptions& o) {
  if (!o.lambda && o.paths.size() < 2) {
    throw ConfigError(
        "[denoise] expects MODEL and then pictures, found only {}; for scalar TV without a model give "
        "--lambda",
        o.paths.front());
  }
  for (const std::string& path : o.paths) {
    if (o.lambda && fs::path(path).extension() == ".safetensors") {
      throw ConfigError("[denoise] --lambda takes no model: leave out {}, or --lambda", path);
    }
  }
  if (o.lambda && o.map) {
    throw ConfigError("[denoise] --map with --lambda: one lambda for all pixels makes no map");
  }
  if (o.lambda && o.tiling.text != "auto") {
    throw ConfigError("[denoise] --tile with --lambda: without a model no network works in tiles");
  }
  if (o.noise && !o.clean.empty()) {
    throw ConfigError(
        "[denoise] --noise takes the pictures as clean, --clean takes them as noisy: give one of them");
  }
  if (o.output.empty() && !o.scored()) {
    throw ConfigError("[denoise] nowhere to write: give -o DIR, or --noise S or --clean X to measure only");
  }
  if (o.output.empty() && (o.map || o.compare)) {
    throw ConfigError("[denoise] --map and --compare are files: give -o DIR too");
  }
  if (o.skip_existing && (o.output.empty() || o.output == "-" || o.overwrite)) {
    throw ConfigError("[denoise] --skip-existing is for files: give it with -o DIR, and without --overwrite");
  }
  if (o.output == "-" && (o.map || o.compare || o.common.json)) {
    throw ConfigError(
        "[denoise] -o - leaves standard output to the picture: --map, --compare and --json need another -o");
  }
}

// A file that is there is not wanted any more, nor a picture that has all of its files.
void leave_out_existing(std::vector<Job>& jobs) {
  for (Job& job : jobs) {
    for (fs::path* file : {&job.denoised, &job.map, &job.compare}) {
      std::error_code error;
      if (fs::exists(*file, error)) file->clear();
    }
  }
  std::erase_if(
      jobs, [](const Job& job) { return job.denoised.empty() && job.map.empty() && job.compare.empty(); });
}

std::vector<Job> plan(const DenoiseOptions& o, const std::vector<PictureInput>& inputs) {
  std::vector<Job> jobs;
  for (const PictureInput& input : inputs) {
    jobs.push_back({input, static_cast<uint32_t>(jobs.size()), {}, {}, {}, {}});
  }
  if (!o.clean.empty()) {
    const std::vector<PictureInput> clean = find_clean_inputs(o.clean, inputs);
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i].clean = clean[i];
  }
  ResultPlace place(o.output, o.overwrite || o.skip_existing, inputs.size());
  if (place.is_nowhere() || place.is_stdout()) return jobs;
  const MapFormat format = parse_map_format(o.map_format);
  for (Job& job : jobs) {
    const auto file = [&](const std::string& suffix) {
      return place.file(job.input.name, job.input.str(), suffix);
    };
    job.denoised = file(".png");
    if (o.map) job.map = file(map_suffix(format));
    if (o.compare) job.compare = file("_compare.png");
  }
  place.prepare();
  if (o.skip_existing) leave_out_existing(jobs);
  return jobs;
}

Image comparison(const Tensor& clean, const Tensor& noisy, const Denoised& result, const Row& row) {
  const auto label = [&](const char* text, double decibel) {
    return clean.defined() ? fmt::format("{} {:.2f} dB", text, decibel) : std::string(text);
  };
  std::vector<Panel> panels;
  if (clean.defined()) panels.push_back(Panel::grey(clean, "clean"));
  panels.push_back(Panel::grey(noisy, label("noisy", row.noisy.psnr)));
  panels.push_back(Panel::grey(result.x, label("denoised", row.denoised.psnr)));
  if (result.has_map()) panels.push_back(Panel::log_map(result.lambda, "Lambda"));
  return make_figure({panels});
}

class Denoising {
 public:
  Denoising(const DenoiseOptions& options, const Denoiser& denoiser)
      : options_(options),
        denoiser_(denoiser),
        noise_kind_(parse_noise_kind(options.noise_kind.empty() ? denoiser.config().noise.kind
                                                                : options.noise_kind)) {}

  Pictures read(const Job& job) {
    Pictures read{read_one(job.input), {}};
    if (options_.scored()) check_scorable(read.picture.width, read.picture.height, job.input.str());
    if (job.clean) read.clean = to_tensor(clean_of(job, read.picture));
    return read;
  }

  // Perhaps add noise, denoise, write and score.
  Row operator()(const Job& job, const Pictures& read) const {
    const Image& grey = read.picture;
    Tensor clean = read.clean, z = to_tensor(grey);
    if (options_.noise) {
      clean = z;
      z = add_noise(clean, noise_kind_, *options_.noise,
                    NoiseKey{.seed = options_.seed, .sample = job.number});
    }
    const MapPlan plan = denoiser_.plan(z.shape());
    if (plan.tile > 0 && !options_.common.quiet) {
      say("{}: {} x {} pixels, the network works in {}\n", job.input.str(), grey.width, grey.height,
          tiles_text(plan));
    }
    const Denoised result = denoiser_(z);

    Row row{job.input.name, {{"picture", job.input.str()}, {"iterations", result.iterations}}, {}, {}};
    if (plan.tile > 0) row.json["tiles"] = plan.n_tiles;
    if (result.relative_gap) row.json["relative_gap"] = *result.relative_gap;
    if (clean.defined()) {
      row.noisy = scores_of(z, clean);
      row.denoised = scores_of(result.x, clean);
      row.json.update(as_json(row.noisy, row.denoised));
    }
    write(job, grey.bit_depth, clean, z, result, row);
    talk(job, result);
    return row;
  }

  static nlohmann::json as_json(const Scores& noisy, const Scores& denoised) {
    return {{"psnr_noisy", noisy.psnr},
            {"psnr", denoised.psnr},
            {"ssim_noisy", noisy.ssim},
            {"ssim", denoised.ssim}};
  }

 private:
  Image read_one(const PictureInput& input) {
    GreyInput grey = read_grey(input, options_.size);
    if (grey.was_colour && !said_grey_ && !options_.common.quiet) {
      said_grey_ = true;
      say("{} is in colour: made grey (ITU-R 601), as every picture in colour\n", input.str());
    }
    if (grey.had_alpha && !said_alpha_ && !options_.common.quiet) {
      said_alpha_ = true;
      say("{} has transparency: left out, as of every picture\n", input.str());
    }
    return std::move(grey.image);
  }

  Image clean_of(const Job& job, const Image& noisy) {
    Image clean = read_one(*job.clean);
    if (clean.width != noisy.width || clean.height != noisy.height) {
      throw DataError(
          "[denoise] {} has {} x {} pixels, its clean picture {} has {} x {}: expected the same; --size S "
          "makes both S x S",
          job.input.str(), noisy.width, noisy.height, job.clean->str(), clean.width, clean.height);
    }
    return clean;
  }

  void write(const Job& job, int bit_depth, const Tensor& clean, const Tensor& z, const Denoised& result,
             Row& row) const {
    if (options_.output == "-") write_standard_output(encode_png(to_image(result.x, bit_depth)));
    if (!job.denoised.empty()) {
      write_png(job.denoised, to_image(result.x, bit_depth));
      row.json["denoised"] = job.denoised.string();
    }
    if (!job.map.empty()) {
      write_map(job.map, result.lambda, parse_map_format(options_.map_format));
      row.json["map"] = job.map.string();
    }
    if (!job.compare.empty()) {
      write_png(job.compare, comparison(clean, z, result, row));
      row.json["compare"] = job.compare.string();
    }
  }

  void talk(const Job& job, const Denoised& result) const {
    if (options_.common.quiet || (options_.scored() && !result.relative_gap)) return;
    say("{}", job.input.str());
    if (result.relative_gap) {
      say(": {} iterations, relative gap {:.2e}{}", result.iterations, *result.relative_gap,
          *result.relative_gap > options_.gap
              ? fmt::format(": {:g} not reached, more --iterations would help", options_.gap)
              : "");
    }
    say("\n");
  }

  const DenoiseOptions& options_;
  const Denoiser& denoiser_;
  NoiseKind noise_kind_;
  bool said_grey_ = false, said_alpha_ = false;
};

std::string head_line() {
  return fmt::format("{:<32} {:>9} {:>9} {:>11} {:>9}\n", "picture", "noisy dB", "dB", "noisy SSIM", "SSIM");
}

std::string score_line(const std::string& name, const Scores& noisy, const Scores& denoised) {
  return fmt::format("{:<32} {:>9.3f} {:>9.3f} {:>11.4f} {:>9.4f}\n", name, noisy.psnr, denoised.psnr,
                     noisy.ssim, denoised.ssim);
}

void denoise(const DenoiseOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  check_options(options);
  const std::vector<PictureInput> inputs =
      find_inputs({options.paths.begin() + (options.lambda ? 0 : 1), options.paths.end()}, options.limit);
  const Denoiser denoiser({.model = options.lambda ? "" : options.paths.front(),
                           .lambda = options.lambda,
                           .iterations = options.iterations,
                           .gap = options.gap,
                           .tiling = options.tiling,
                           .device = device});
  const std::vector<Job> jobs = plan(options, inputs);

  const bool aside = options.output == "-";  // standard output belongs to the picture
  const bool tabled = options.scored() && !options.common.json && !(aside && options.common.quiet);
  const auto print = [&](const std::string& line) {
    if (aside) return say_text(line);
    fmt::print("{}", line);
    flush_output();
  };
  const size_t n_skipped = inputs.size() - jobs.size();
  if (n_skipped > 0 && !options.common.quiet) {
    say("{} of {} pictures left out: their results are there\n", n_skipped, inputs.size());
  }
  nlohmann::json rows = nlohmann::json::array();
  Failures failures(inputs.size());
  Scores noisy, denoised;  // sums
  const auto add = [](Scores& sum, const Scores& s) { sum = {sum.psnr + s.psnr, sum.ssim + s.ssim}; };
  Denoising one(options, denoiser);
  for (const Job& job : jobs) {
    Pictures pictures;
    try {
      pictures = one.read(job);
    } catch (const Error& error) {
      failures.add(job.input.str(), error);
      continue;
    }
    const Row row = one(job, pictures);
    add(noisy, row.noisy);
    add(denoised, row.denoised);
    rows.push_back(row.json);
    if (tabled && rows.size() == 1) print(head_line());
    if (tabled) print(score_line(row.name, row.noisy, row.denoised));
  }
  const auto mean = [n = static_cast<double>(rows.size())](const Scores& sum) {
    return Scores{sum.psnr / n, sum.ssim / n};
  };
  if (options.common.json) {
    nlohmann::json report = {{"pictures", rows}, {"errors", failures.json()}};
    if (options.skip_existing) report["skipped"] = n_skipped;
    if (options.scored() && !rows.empty()) report["mean"] = Denoising::as_json(mean(noisy), mean(denoised));
    print_json(report);
  } else if (tabled && !rows.empty()) {
    print(score_line(fmt::format("mean of {}", rows.size()), mean(noisy), mean(denoised)));
  }
  flush_output();
  failures.finish("denoise");
}

void add_input_options(CLI::App& command, DenoiseOptions& o) {
  command
      .add_option(
          "paths", o.paths,
          "MODEL (a checkpoint; none with --lambda), then pictures: PNG or JPEG files, folders, quoted\n"
          "patterns as 'scans/*.png', or - for standard input")
      ->required();
  command.add_option("--size", o.size, "crop to a square and resize to so many pixels first, as in training")
      ->check(whole_range(1, 16384));
  command.add_option("--limit", o.limit, "only the first N pictures")->check(whole_range(1));
  command
      .add_option("--noise", o.noise,
                  "take the pictures as clean: add noise of this standard deviation, print PSNR and SSIM")
      ->check(number_range(0, 10));
  command
      .add_option("--noise-kind", o.noise_kind,
                  "relative to the picture's deviation, or absolute and clipped (default: as the model was "
                  "trained; relative)")
      ->check(CLI::IsMember({"relative", "absolute"}));
  command.add_option("--seed", o.seed, "of the noise")->check(whole_range(0))->capture_default_str();
  command.add_option("--clean", o.clean,
                     "take the pictures as noisy, score them against this clean one, or the ones of the same "
                     "names in this folder");
}

void add_solver_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option("--lambda", o.lambda, "scalar TV without a model: the weight")
      ->check(number_range(0, 100));
  command
      .add_option("--iterations", o.iterations,
                  "of PDHG (default: the model's T; 256 with --lambda), with --gap the most (default 10000)")
      ->check(whole_range(1, 1'000'000'000));
  o.tiling.add_to(command);
  command
      .add_option("--gap", o.gap,
                  "iterate until the primal-dual gap is this share of the objective, as 1e-4, instead of T "
                  "times; looked at every 16 iterations")
      ->check(number_range(1e-12, 1));
}

void add_output_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option(
      "-o,--output", o.output,
      "folder for the results, PNG of the pictures' names, sizes and bit depths; FILE.png for one "
      "picture; - for standard output");
  CLI::Option* map = command.add_flag("--map", o.map, "write Lambda too, NAME_lambda.png");
  command
      .add_option(
          "--map-format", o.map_format,
          "figure: in colour, log scale with a bar; raw: 16-bit PNG, Lambda = level * the scale in its "
          "text chunk; safetensors: float32")
      ->check(CLI::IsMember({"figure", "raw", "safetensors"}))
      ->capture_default_str()
      ->needs(map);
  command.add_flag("--compare", o.compare, "write the pictures side by side, NAME_compare.png");
  command.add_flag("--overwrite", o.overwrite, "replace files that exist");
  command.add_flag("--skip-existing", o.skip_existing,
                   "leave out pictures whose results are there: goes on after an interruption");
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
      "A picture that cannot be read is said, the others go on; the exit code is then 3.\n"
      "Examples:\n  primal denoise runs/thesis/best.safetensors noisy.png -o denoised --map\n"
      "  primal denoise --lambda 0.07 scans/ -o denoised\n"
      "  primal denoise --lambda 0.07 --gap 1e-4 'scans/*.png' -o denoised\n"
      "  primal denoise runs/thesis/best.safetensors - -o - < noisy.png > denoised.png\n"
      "  primal denoise runs/thesis/best.safetensors chest_xray/test --size 256 --noise 0.5 --limit 20");
  command->callback([options] { denoise(*options); });
}

}  // namespace primal
