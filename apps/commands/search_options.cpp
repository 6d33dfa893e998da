#include "apps/commands/search_options.h"

#include <fmt/core.h>

#include "apps/commands/number_range.h"
#include "apps/pictures/text_file.h"
#include "apps/scores/scores.h"
#include "apps/search/folder_search.h"
#include "apps/shards/part_settings.h"
#include "apps/shell/streams.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

void check_searched(const PictureInput& input, const GreyInput& read, const SearchOptions& o) {
  check_one_page(read, input.str(), "search");
  for (const std::string& remark : read.raster.remarks) {
    if (!o.common.quiet) say("{}: {}\n", input.str(), remark);
  }
}

}  // namespace

SearchedPicture read_searched_picture(const PictureInput& input, const std::optional<PictureInput>& clean,
                                      size_t number, const SearchOptions& o) {
  const LevelRange range = parse_level_range(o.range);
  const GreyInput read = read_grey(input, o.size, range);
  check_searched(input, read, o);
  const Raster& picture = read.raster;
  if (const std::string& remark = read.small_range; !remark.empty() && o.range == "full" && !o.common.quiet) {
    say("note: {}\n", remark);
  }
  check_scorable(picture.width, picture.height, input.str());
  if (!clean) {
    const Tensor values = read.tensor();
    const NoiseKind kind = parse_noise_kind(o.noise_kind);
    if (!o.common.quiet && stays_clean(values, kind, *o.noise))
      say("note: {}\n", no_noise_remark(input.str()));
    return {add_noise(values, kind, *o.noise, {.seed = o.seed, .sample = static_cast<uint32_t>(number)}),
            values};
  }
  const GreyInput clean_read = read_clean(*clean, input, read, range, o.size);
  check_searched(*clean, clean_read, o);
  const Raster& other = clean_read.raster;
  if (other.width != picture.width || other.height != picture.height) {
    throw DataError(
        "[search] {} has {} x {} pixels, but its clean picture {} has {} x {}: expected the same size; "
        "--size S makes both S x S",
        input.str(), picture.width, picture.height, clean->str(), other.width, other.height);
  }
  return {read.tensor(), clean_read.tensor()};
}

void check_search_options(const SearchOptions& o) {
  if (o.noise.has_value() != o.clean.empty()) {
    throw ConfigError(
        "[search] give either --clean X, if the picture is noisy and X is its clean version, or --noise S, "
        "to add noise to a clean picture");
  }
  const auto place = [](const std::string& file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(file, error);
  };
  o.figure.check(o.overwrite);
  check_merged_elsewhere(o.merge, o.output);
  for (const auto& [option, file] :
       {std::pair{"--csv", o.csv}, {"--figure", o.figure.figure}, {"--figure-data", o.figure.data}}) {
    if (!o.output.empty() && !file.empty() &&
        place(std::filesystem::path(file).parent_path()) == place(o.output) && is_search_file(file))
      throw ConfigError("[search] {} {} is a file that -o {} writes: give another name", option, file,
                        o.output);
  }
  if (o.csv.empty()) return;
  for (const auto& [option, file] :
       {std::pair{"--figure", o.figure.figure}, {"--figure-data", o.figure.data}}) {
    if (!file.empty() && place(o.csv) == place(file))
      throw ConfigError("[search] --csv and {} are both {}: give two files", option, o.csv);
  }
  check_result_file(o.csv, o.overwrite);
}

namespace {

void add_search_options(CLI::App& command, SearchOptions& o) {
  command
      .add_option("pictures", o.paths,
                  "a picture of one page, which is noisy with --clean and clean with --noise; - for standard "
                  "input. For folders, patterns or several pictures: the best single lambda for all of them")
      ->required();
  command.add_option(
      "--clean", o.clean,
      "the clean picture to compare with, of the same size; for several pictures a folder with "
      "pictures of the same names");
  command.add_option("--noise", o.noise, "first add noise of this standard deviation to each picture")
      ->check(number_range(0, 10));
  add_noise_kind_option(command, o.noise_kind, "relative");
  command.add_option("--seed", o.seed, "seed of the noise")->check(whole_range(0))->capture_default_str();
  command.add_option("--grid", o.grid, "LOW:HIGH:N, which means N evenly spaced lambdas from LOW to HIGH")
      ->capture_default_str();
  command.add_option("--iterations", o.iterations, "iterations of PDHG for each lambda")
      ->check(whole_range(1, 1'000'000'000))
      ->capture_default_str();
  add_range_option(command, o.range, "full");
  add_boundary_option(command, o.boundary, "symmetric");
  command
      .add_option("--size", o.size,
                  "first crop to a square and resize to this many pixels a side, as in training")
      ->check(whole_range(1, 16384));
  command.add_option("--limit", o.limit, "only the first N pictures")->check(whole_range(1));
  command.add_option("-o,--output", o.output,
                     "folder for search.csv (a row for each picture and lambda), settings.json and "
                     "summary.json");
  command.add_option(
      "--shard", o.shard_text,
      "search only part K of N of the pictures, for example 3/16; auto takes K and N from Slurm or an MPI "
      "launcher (default: all pictures)");
  command.add_option("--merge", o.merge,
                     "output folders of parts, or of a search that was stopped: pictures whose scores they "
                     "contain are not searched again");
  command.add_option("--csv", o.csv,
                     "CSV file for lambda, PSNR and SSIM, or their means, with one line per lambda");
  command.add_option("--figure", o.figure.figure, "file for both curves: .png, .svg or .pdf");
  command.add_option("--figure-data", o.figure.data, "CSV file for what the figure shows");
  command.add_flag("--overwrite", o.overwrite, "replace files that exist");
  o.common.add_to(command);
  command.footer(
      "The PSNR of identical pictures is infinite: it is `inf` in tables and CSV files, null in JSON, and "
      "left out of means and figures.\n"
      "If there are several pictures, Ctrl-C stops after the current one and reports the means so far.\n"
      "Examples:\n  primal search noisy.png --clean clean.png\n"
      "  primal search clean.png --noise 0.5 --grid 0:0.4:41 --figure curves.png\n"
      "  primal search chest_xray/train --noise 0.5 --size 256 -o search\n"
      "  primal search chest_xray/train --noise 0.5 --size 256 -o parts/3 --shard 3/16");
}

}  // namespace

void add_search_command(CLI::App& program) {
  auto o = std::make_shared<SearchOptions>();
  CLI::App* command = program.add_subcommand(
      "search",
      "compute PSNR and SSIM over a grid of scalar lambdas, for one picture or as means over several");
  add_search_options(*command, *o);
  command->callback([o] { search(*o); });
}

}  // namespace primal
