// primal search: how good scalar TV can be on one picture, lambda by lambda.
#include <fmt/core.h>
#include <optional>

#include "apps/commands.h"
#include "apps/json_text.h"
#include "apps/number_range.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/lambda_search.h"
#include "apps/pictures/text_file.h"
#include "apps/streams.h"
#include "data/figure/plot.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct SearchOptions {
  CommonOptions common;
  std::string input, clean, grid = kDefaultGrid, noise_kind = "relative", csv, figure;
  std::optional<double> noise;
  int64_t iterations = 256, size = 0;
  uint64_t seed = 42;
  bool overwrite = false;
};

struct Pair {
  Tensor noisy, clean;
};

Pair read_pair(const SearchOptions& o) {
  const PictureInput input = find_inputs({o.input}).front();
  const Image picture = read_grey(input, o.size).image;
  check_scorable(picture.width, picture.height, input.str());
  if (o.noise) {
    const Tensor clean = to_tensor(picture);
    return {add_noise(clean, parse_noise_kind(o.noise_kind), *o.noise, NoiseKey{.seed = o.seed}), clean};
  }
  const PictureInput clean_input = find_inputs({o.clean}).front();
  const Image clean = read_grey(clean_input, o.size).image;
  if (clean.width != picture.width || clean.height != picture.height) {
    throw DataError(
        "[search] {} has {} x {} pixels, its clean picture {} has {} x {}: expected the same; --size S makes "
        "both S x S",
        input.str(), picture.width, picture.height, clean_input.str(), clean.width, clean.height);
  }
  return {to_tensor(picture), to_tensor(clean)};
}

void check_options(const SearchOptions& o) {
  if (o.noise.has_value() != o.clean.empty()) {
    throw ConfigError(
        "[search] give either --clean X, the clean picture of a noisy one, or --noise S, to make a clean "
        "picture "
        "noisy");
  }
  for (const std::string& path : {o.input, o.clean}) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
      throw ConfigError("[search] {} is a folder; search takes one picture, evaluate takes a folder", path);
    }
  }
}

void check_results(const SearchOptions& o) {
  const auto place = [](const std::string& file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(file, error);
  };
  if (!o.csv.empty() && !o.figure.empty() && place(o.csv) == place(o.figure)) {
    throw ConfigError("[search] --csv and --figure are both {}: give two files", o.csv);
  }
  check_png_name(o.figure);
  for (const std::string& file : {o.csv, o.figure}) {
    if (!file.empty()) check_result_file(file, o.overwrite);
  }
}

Image curves_of(const LambdaSearch& search) {
  Curve psnr{search.lambdas, {}, search.by_psnr.index, {}},
      ssim{search.lambdas, {}, search.by_ssim.index, {}};
  for (const Scores& s : search.scores) {
    psnr.y.push_back(s.psnr);
    ssim.y.push_back(s.ssim);
  }
  psnr.mark_label =
      fmt::format("{:.2f} dB at {:.4g}", psnr.y[search.by_psnr.index], search.lambdas[search.by_psnr.index]);
  ssim.mark_label =
      fmt::format("{:.4f} at {:.4g}", ssim.y[search.by_ssim.index], search.lambdas[search.by_ssim.index]);
  return beside({make_plot({"PSNR in dB", "lambda", {psnr}}), make_plot({"SSIM", "lambda", {ssim}})});
}

std::string csv_of(const LambdaSearch& search) {
  std::string text = "lambda,psnr_db,ssim\n";
  for (size_t i = 0; i < search.lambdas.size(); ++i) {
    text += fmt::format("{},{},{}\n", search.lambdas[i], search.scores[i].psnr, search.scores[i].ssim);
  }
  return text;
}

nlohmann::json json_of(const LambdaSearch& search, const Scores& noisy) {
  const auto entry = [&](size_t i) {
    return nlohmann::json{
        {"lambda", search.lambdas[i]}, {"psnr", search.scores[i].psnr}, {"ssim", search.scores[i].ssim}};
  };
  nlohmann::json grid = nlohmann::json::array();
  for (size_t i = 0; i < search.lambdas.size(); ++i) grid.push_back(entry(i));
  return {{"noisy", {{"psnr", noisy.psnr}, {"ssim", noisy.ssim}}},
          {"best_by_psnr", entry(search.by_psnr.index)},
          {"best_by_ssim", entry(search.by_ssim.index)},
          {"grid", grid}};
}

void print_table(const LambdaSearch& search, const Scores& noisy) {
  fmt::print("{:>9} {:>9} {:>9}\n", "lambda", "PSNR dB", "SSIM");
  fmt::print("{:>9} {:>9.3f} {:>9.4f}\n", "noisy", noisy.psnr, noisy.ssim);
  for (size_t i = 0; i < search.lambdas.size(); ++i) {
    fmt::print("{:>9.4g} {:>9.3f} {:>9.4f}{}{}\n", search.lambdas[i], search.scores[i].psnr,
               search.scores[i].ssim, i == search.by_psnr.index ? "  best PSNR" : "",
               i == search.by_ssim.index ? "  best SSIM" : "");
  }
}

void search(const SearchOptions& o) {
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  check_options(o);
  const LambdaGrid grid = parse_lambda_grid(o.grid);
  check_results(o);
  const Pair pair = read_pair(o);
  const Scores noisy = scores_of(pair.noisy, pair.clean);
  const LambdaSearch found = search_lambda(pair.noisy.to(device), pair.clean.to(device), grid, o.iterations);
  if (o.common.json) {
    print_json(json_of(found, noisy));
  } else {
    print_table(found, noisy);
  }
  if (!o.common.quiet && (found.at_the_edge(found.by_psnr) || found.at_the_edge(found.by_ssim))) {
    say("the best lambda is the largest of the grid: a wider --grid may hold a better one\n");
  }
  if (!o.csv.empty()) write_text(o.csv, csv_of(found));
  if (!o.figure.empty()) write_png(o.figure, curves_of(found));
}

}  // namespace

void add_search_command(CLI::App& program) {
  auto o = std::make_shared<SearchOptions>();
  CLI::App* command =
      program.add_subcommand("search", "PSNR and SSIM of one picture over a grid of scalar lambdas");
  command
      ->add_option("picture", o->input,
                   "PNG or JPEG; noisy with --clean, clean with --noise; - for standard input")
      ->required();
  command->add_option("--clean", o->clean, "the clean picture to measure against, of the same size");
  command->add_option("--noise", o->noise, "make the picture noisy first: the standard deviation")
      ->check(number_range(0, 10));
  command
      ->add_option("--noise-kind", o->noise_kind,
                   "relative to the picture's deviation, or absolute and clipped")
      ->check(CLI::IsMember({"relative", "absolute"}))
      ->capture_default_str();
  command->add_option("--seed", o->seed, "of the noise")->check(whole_range(0))->capture_default_str();
  command->add_option("--grid", o->grid, "LOW:HIGH:N, N lambdas evenly from LOW to HIGH")
      ->capture_default_str();
  command->add_option("--iterations", o->iterations, "of PDHG for each lambda")
      ->check(whole_range(1, 1'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--size", o->size, "crop to a square and resize to so many pixels first, as in training")
      ->check(whole_range(1, 16384));
  command->add_option("--csv", o->csv, "file for lambda, PSNR and SSIM, one line each");
  command->add_option("--figure", o->figure, "PNG file for both curves");
  command->add_flag("--overwrite", o->overwrite, "replace files that exist");
  o->common.add_to(*command);
  command->footer(
      "Examples:\n  primal search noisy.png --clean clean.png\n"
      "  primal search clean.png --noise 0.5 --grid 0:0.4:41 --figure curves.png");
  command->callback([o] { search(*o); });
}

}  // namespace primal
