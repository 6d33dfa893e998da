// primal search: how good scalar TV can be on one picture, lambda by lambda.
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/figure_file.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/text_file.h"
#include "apps/scores/lambda_search.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "data/figure/figure.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct SearchOptions {
  CommonOptions common;
  std::string input, clean, grid = kDefaultGrid, noise_kind = "relative", boundary = "symmetric",
                            range = "full", csv;
  FigureFile figure;
  std::optional<double> noise;
  int64_t iterations = 256, size = 0;
  uint64_t seed = 42;
  bool overwrite = false;
};

struct Pair {
  Tensor noisy, clean;
};

GreyInput read_with_remarks(const PictureInput& input, const SearchOptions& o, const LevelRange& range) {
  GreyInput read = read_grey(input, o.size, range);
  check_one_page(read, input.str(), "search");
  for (const std::string& remark : read.raster.remarks) {
    if (!o.common.quiet) say("{}: {}\n", input.str(), remark);
  }
  return read;
}

Pair read_pair(const SearchOptions& o) {
  const PictureInput input = find_inputs({o.input}).front();
  const LevelRange range = parse_level_range(o.range);
  const GreyInput read = read_with_remarks(input, o, range);
  const Raster& picture = read.raster;
  if (const std::string& remark = read.small_range; !remark.empty() && o.range == "full" && !o.common.quiet) {
    say("note: {}\n", remark);
  }
  check_scorable(picture.width, picture.height, input.str());
  if (o.noise) {
    const Tensor clean = read.tensor();
    if (!o.common.quiet && stays_clean(clean, parse_noise_kind(o.noise_kind), *o.noise))
      say("note: {}\n", no_noise_remark(input.str()));
    return {add_noise(clean, parse_noise_kind(o.noise_kind), *o.noise, NoiseKey{.seed = o.seed}), clean};
  }
  const PictureInput clean_input = find_inputs({o.clean}).front();
  const GreyInput clean_read =
      read_with_remarks(clean_input, o, same_range(range, read.file_levels, read.of_levels));
  const Raster& clean = clean_read.raster;
  if (clean.width != picture.width || clean.height != picture.height) {
    throw DataError(
        "[search] {} has {} x {} pixels, but its clean picture {} has {} x {}: expected the same size; "
        "--size S makes both S x S",
        input.str(), picture.width, picture.height, clean_input.str(), clean.width, clean.height);
  }
  return {read.tensor(), clean_read.tensor()};
}

void check_options(const SearchOptions& o) {
  if (o.noise.has_value() != o.clean.empty()) {
    throw ConfigError(
        "[search] give either --clean X, if the picture is noisy and X is its clean version, or --noise S, "
        "to add noise to a clean picture");
  }
  for (const std::string& path : {o.input, o.clean}) {
    if (is_folder(path)) {
      throw ConfigError("[search] {} is a folder; search takes one picture, evaluate takes a folder", path);
    }
  }
}

void check_results(const SearchOptions& o) {
  const auto place = [](const std::string& file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(file, error);
  };
  o.figure.check(o.overwrite);
  if (o.csv.empty()) return;
  for (const auto& [option, file] :
       {std::pair{"--figure", o.figure.figure}, {"--figure-data", o.figure.data}}) {
    if (!file.empty() && place(o.csv) == place(file))
      throw ConfigError("[search] --csv and {} are both {}: give two files", option, o.csv);
  }
  check_result_file(o.csv, o.overwrite);
}

// The curves that have a finite point: the PSNR of a constant picture, which gets no relative noise, is infinite throughout.
Figure curves_of(const LambdaSearch& search) {
  Line psnr{.x = search.lambdas, .mark = search.by_psnr.index},
      ssim{.x = search.lambdas, .mark = search.by_ssim.index};
  for (const Scores& s : search.scores) {
    psnr.y.push_back(s.psnr);
    ssim.y.push_back(s.ssim);
  }
  psnr.mark_name = fmt::format("best: {:.2f} dB at {:.4g}", psnr.y[search.by_psnr.index],
                               search.lambdas[search.by_psnr.index]);
  ssim.mark_name = fmt::format("best: {:.4f} at {:.4g}", ssim.y[search.by_ssim.index],
                               search.lambdas[search.by_ssim.index]);
  Figure figure{.rows = {{}}};
  for (const auto& [label, curve] : {std::pair{"PSNR / dB", psnr}, std::pair{"SSIM", ssim}}) {
    if (finite_of(curve.y).empty()) continue;
    figure.rows.front().push_back(
        {"", Chart{.x = {.label = "lambda"}, .y = {.label = label}, .layers = {curve}}});
  }
  if (figure.rows.front().empty()) throw DataError("[search] nothing to draw: no PSNR or SSIM is finite");
  return figure;
}

std::string csv_of(const LambdaSearch& search) {
  std::string text = "lambda,psnr_db,ssim\n";
  for (size_t i = 0; i < search.lambdas.size(); ++i) {
    text += fmt::format("{},{},{}\n", search.lambdas[i], csv_number(search.scores[i].psnr),
                        csv_number(search.scores[i].ssim));
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
  put("{:>9} {:>9} {:>9}\n", "lambda", "PSNR dB", "SSIM");
  put("{:>9} {:>9.3f} {:>9.4f}\n", "noisy", noisy.psnr, noisy.ssim);
  for (size_t i = 0; i < search.lambdas.size(); ++i) {
    put("{:>9.4g} {:>9.3f} {:>9.4f}{}{}\n", search.lambdas[i], search.scores[i].psnr, search.scores[i].ssim,
        i == search.by_psnr.index ? "  best PSNR" : "", i == search.by_ssim.index ? "  best SSIM" : "");
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
  const LambdaSearch found = [&] {
    Meter meter(o.input, !o.common.quiet, is_terminal(STDERR_FILENO));
    return search_lambda(
        pair.noisy.to(device), pair.clean.to(device), grid, o.iterations, parse_boundary(o.boundary),
        [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); });
  }();
  if (o.common.json) {
    print_json(json_of(found, noisy));
  } else {
    print_table(found, noisy);
  }
  if (!o.common.quiet && (found.at_the_edge(found.by_psnr) || found.at_the_edge(found.by_ssim))) {
    say("the best lambda is the largest of the grid: a wider --grid may contain a better one\n");
  }
  if (!o.csv.empty()) write_text(o.csv, csv_of(found));
  if (o.figure.is_wanted()) o.figure.write(curves_of(found));
}

}  // namespace

void add_search_command(CLI::App& program) {
  auto o = std::make_shared<SearchOptions>();
  CLI::App* command =
      program.add_subcommand("search", "compute PSNR and SSIM of one picture over a grid of scalar lambdas");
  command
      ->add_option("picture", o->input,
                   "a picture of one page, noisy with --clean, clean with --noise; - for standard input")
      ->required();
  command->add_option("--clean", o->clean, "the clean picture to compare with, of the same size");
  command->add_option("--noise", o->noise, "first add noise of this standard deviation to the picture")
      ->check(number_range(0, 10));
  command
      ->add_option("--noise-kind", o->noise_kind,
                   "relative to the picture's deviation, or absolute and clipped")
      ->check(CLI::IsMember({"relative", "absolute"}))
      ->capture_default_str();
  command->add_option("--seed", o->seed, "seed of the noise")->check(whole_range(0))->capture_default_str();
  command->add_option("--grid", o->grid, "LOW:HIGH:N, which means N evenly spaced lambdas from LOW to HIGH")
      ->capture_default_str();
  command->add_option("--iterations", o->iterations, "iterations of PDHG for each lambda")
      ->check(whole_range(1, 1'000'000'000))
      ->capture_default_str();
  add_range_option(*command, o->range, "full");
  add_boundary_option(*command, o->boundary, "symmetric");
  command
      ->add_option("--size", o->size,
                   "first crop to a square and resize to this many pixels a side, as in training")
      ->check(whole_range(1, 16384));
  command->add_option("--csv", o->csv, "CSV file for lambda, PSNR and SSIM, with one line per lambda");
  command->add_option("--figure", o->figure.figure, "file for both curves: .png, .svg or .pdf");
  command->add_option("--figure-data", o->figure.data, "CSV file for what the figure shows");
  command->add_flag("--overwrite", o->overwrite, "replace files that exist");
  o->common.add_to(*command);
  command->footer(
      "The PSNR of identical pictures is infinite: it is `inf` in the table and the CSV file, null in JSON, "
      "and left out of the figure.\n"
      "Examples:\n  primal search noisy.png --clean clean.png\n"
      "  primal search clean.png --noise 0.5 --grid 0:0.4:41 --figure curves.png");
  command->callback([o] { search(*o); });
}

}  // namespace primal
