// primal denoise: pictures in, denoised pictures out, with a trained model or with one lambda for all pixels.
#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <set>

#include "apps/commands.h"
#include "apps/training/checkpoint.h"
#include "data/dataset/dataset.h"
#include "data/figure/figure.h"
#include "data/image/image.h"
#include "data/metrics/metrics.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct DenoiseOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string output;
  double lambda = -1.0;
  int64_t iterations = 0, size = 0, limit = 0;
  double noise = -1.0;
  std::string noise_kind = "relative";
  uint64_t seed = 42;
  bool map = false, compare = false, overwrite = false;

  bool scored() const { return noise >= 0.0; }  // the pictures are clean ones, to measure against
};

// The pictures named by files and folders, in name order within a folder; the first `limit` of them where it is not 0.
std::vector<fs::path> pictures_of(const std::vector<std::string>& paths, int64_t limit) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (fs::is_directory(path)) {
      for (const fs::path& picture : find_pictures(path)) files.push_back(picture);
    } else {
      files.emplace_back(path);
    }
  }
  if (limit > 0 && static_cast<int64_t>(files.size()) > limit) files.resize(static_cast<size_t>(limit));
  std::set<fs::path> names;
  for (const fs::path& file : files) {
    if (!names.insert(file.stem()).second) {
      throw ConfigError("[denoise] two pictures are called {}: their results would have the same name",
                        file.stem().string());
    }
  }
  return files;
}

struct Denoised {
  Tensor lambda;  // [1,n_maps,1,H,W], or a scalar
  Tensor x;       // [1,1,1,H,W]
};

// What turns z into x: a model, or one lambda.
class Denoiser {
 public:
  Denoiser(const DenoiseOptions& options, const std::string& model_file) : options_(options) {
    if (!model_file.empty()) model_ = load_model(model_file);
  }

  Denoised operator()(const Tensor& z) const {
    const NoGrad no_grad;
    if (model_ != nullptr) {
      const UnrolledTv::Result result = model_->forward(z);
      return {result.lambda.value(), result.denoised.value()};
    }
    PdhgParams params;
    if (options_.iterations > 0) params.n_iter = options_.iterations;
    const Tensor lambda = Tensor::scalar(options_.lambda);
    return {lambda, pdhg_solve(z, lambda, params)};
  }

 private:
  const DenoiseOptions& options_;
  std::unique_ptr<UnrolledTv> model_;
};

struct Scores {
  double psnr_noisy = 0.0, psnr = 0.0, ssim_noisy = 0.0, ssim = 0.0;

  void add(const Scores& s, double weight) {
    psnr_noisy += weight * s.psnr_noisy;
    psnr += weight * s.psnr;
    ssim_noisy += weight * s.ssim_noisy;
    ssim += weight * s.ssim;
  }
  nlohmann::json as_json() const {
    return {{"psnr_noisy", psnr_noisy}, {"psnr", psnr}, {"ssim_noisy", ssim_noisy}, {"ssim", ssim}};
  }
};

void refuse_overwriting(const fs::path& file, bool overwrite) {
  if (fs::exists(file) && !overwrite)
    throw IoError("[denoise] {} exists; give --overwrite to replace it", file.string());
}

Image comparison(const Tensor& clean, const Tensor& noisy, const Denoised& result, const Scores& s) {
  std::vector<Panel> panels;
  if (clean.defined()) panels.push_back(Panel::grey(clean, "clean"));
  panels.push_back(
      Panel::grey(noisy, clean.defined() ? fmt::format("noisy {:.2f} dB", s.psnr_noisy) : "noisy"));
  panels.push_back(
      Panel::grey(result.x, clean.defined() ? fmt::format("denoised {:.2f} dB", s.psnr) : "denoised"));
  if (result.lambda.shape().rank() == 5) panels.push_back(Panel::log_map(result.lambda, "Lambda"));
  return make_figure({panels});
}

// One picture: read, perhaps add noise, denoise, write and score. Returns its row of the report.
nlohmann::json denoise_one(const DenoiseOptions& options, const Denoiser& denoiser, const fs::path& file,
                           uint32_t number, Scores& scores) {
  const fs::path folder = options.output;
  const std::string stem = file.stem().string();
  const fs::path target = folder / (stem + ".png");
  if (!options.output.empty()) refuse_overwriting(target, options.overwrite);

  const Image image = read_image(file);
  const Image grey = options.size > 0 ? preprocess(image, options.size) : to_grey(image);
  Tensor clean, z = to_tensor(grey);
  if (options.scored()) {
    clean = z;
    z = add_noise(clean, parse_noise_kind(options.noise_kind), options.noise,
                  NoiseKey{.seed = options.seed, .sample = number});
  }
  const Denoised result = denoiser(z);

  nlohmann::json row = {{"picture", file.string()}};
  if (options.scored()) {
    scores = {psnr(z, clean), psnr(result.x, clean), ssim(z, clean), ssim(result.x, clean)};
    row.update(scores.as_json());
  }
  if (!options.output.empty()) {
    write_png(target, to_image(result.x, grey.bit_depth));
    row["denoised"] = target.string();
    if (options.map && result.lambda.shape().rank() == 5) {
      write_png(folder / (stem + "_lambda.png"), make_figure({{Panel::log_map(result.lambda, "Lambda")}}));
    }
    if (options.compare) write_png(folder / (stem + "_compare.png"), comparison(clean, z, result, scores));
  }
  return row;
}

void print_scores(const std::string& name, const Scores& s) {
  fmt::print("{:<32} {:>9.3f} {:>9.3f} {:>11.4f} {:>9.4f}\n", name, s.psnr_noisy, s.psnr, s.ssim_noisy,
             s.ssim);
  std::fflush(stdout);
}

void denoise(const DenoiseOptions& options) {
  options.common.apply();
  const ImplementationScope forced(options.common.forced());
  const bool scalar = options.lambda >= 0.0;
  if (!scalar && options.paths.size() < 2) {
    throw ConfigError("[denoise] expects MODEL and pictures; without a model give --lambda");
  }
  if (options.output.empty() && !options.scored()) {
    throw ConfigError("[denoise] nowhere to write: give -o DIR, or --noise S to measure only");
  }
  const std::string model_file = scalar ? "" : options.paths.front();
  const std::vector<fs::path> files =
      pictures_of({options.paths.begin() + (scalar ? 0 : 1), options.paths.end()}, options.limit);
  const Denoiser denoiser(options, model_file);
  if (!options.output.empty()) fs::create_directories(options.output);

  const bool table = options.scored() && !options.common.json;
  if (table)
    fmt::print("{:<32} {:>9} {:>9} {:>11} {:>9}\n", "picture", "noisy dB", "dB", "noisy SSIM", "SSIM");
  nlohmann::json rows = nlohmann::json::array();
  Scores mean;
  for (size_t i = 0; i < files.size(); ++i) {
    Scores scores;
    rows.push_back(denoise_one(options, denoiser, files[i], static_cast<uint32_t>(i), scores));
    mean.add(scores, 1.0 / static_cast<double>(files.size()));
    if (table) print_scores(files[i].stem().string(), scores);
    if (!table && !options.common.quiet) fmt::print(stderr, "{}\n", files[i].string());
  }
  if (options.common.json) {
    nlohmann::json report = {{"pictures", rows}};
    if (options.scored()) report["mean"] = mean.as_json();
    fmt::print("{}\n", report.dump(2));
  } else if (table) {
    print_scores(fmt::format("mean of {}", files.size()), mean);
  }
}

}  // namespace

void add_denoise_command(CLI::App& program) {
  auto options = std::make_shared<DenoiseOptions>();
  CLI::App* command = program.add_subcommand("denoise", "denoise pictures");
  command
      ->add_option("paths", options->paths,
                   "MODEL (a checkpoint), then pictures or folders; with --lambda no MODEL")
      ->required();
  command->add_option("-o,--output", options->output,
                      "folder for the results, PNG under the pictures' names");
  command->add_option("--lambda", options->lambda, "scalar TV without a model: the weight, 0 to 100")
      ->check(CLI::Range(0.0, 100.0));
  command->add_option("--iterations", options->iterations, "of PDHG, with --lambda (default 256)")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--size", options->size,
                   "crop to a square and resize to so many pixels first, as in training")
      ->check(CLI::Range(1, 16384));
  command->add_option("--limit", options->limit, "only the first N pictures")->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--noise", options->noise,
          "take the pictures as clean: add noise of this standard deviation first, print PSNR and SSIM")
      ->check(CLI::Range(0.0, 10.0));
  command
      ->add_option("--noise-kind", options->noise_kind,
                   "relative to the picture's deviation, or absolute and clipped")
      ->check(CLI::IsMember({"relative", "absolute"}))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the noise")->capture_default_str();
  command->add_flag("--map", options->map, "write Lambda too, NAME_lambda.png");
  command->add_flag("--compare", options->compare, "write the pictures side by side, NAME_compare.png");
  command->add_flag("--overwrite", options->overwrite, "replace files that exist");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal denoise runs/thesis/best.safetensors noisy.png -o denoised --map\n"
      "  primal denoise --lambda 0.07 scans/ -o denoised\n"
      "  primal denoise runs/thesis/best.safetensors chest_xray/test --size 256 --noise 0.5 --limit 20");
  command->callback([options] { denoise(*options); });
}

}  // namespace primal
