#include "apps/commands/denoise_options.h"

#include <filesystem>

#include "apps/commands/number_range.h"
#include "apps/pictures/result_format.h"
#include "apps/pictures/scalar_lambda.h"
#include "apps/sequences/lambda_pair.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

void add_input_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option(
      "paths", o.paths,
      "MODEL (a checkpoint, the folder of a run, or a name of `primal models`; general without one, none "
      "with --lambda), then pictures: files (PNG, JPEG, TIFF, NumPy, NIfTI, DICOM, PGM, PPM, PFM, WebP), "
      "folders, quoted\n"
      "patterns such as 'scans/*.png', or - for standard input");
  command.add_option(
      "--sequence", o.sequence,
      "frames to denoise together, in space and time: a folder of frames, or a TIFF, NumPy or NIfTI file of "
      "several pages; MODEL is then a model for sequences, and --lambda takes a pair XY,T");
  command
      .add_option("--size", o.size,
                  "first crop to a square and resize to this many pixels a side, as in training")
      ->check(whole_range(1, 16384));
  command.add_option("--limit", o.limit, "only the first N pictures")->check(whole_range(1));
  command
      .add_option("--noise", o.noise,
                  "treat the pictures as clean: add noise of this standard deviation and print PSNR and SSIM")
      ->check(number_range(0, 10));
  add_noise_kind_option(command, o.noise_kind, "as the model was trained; relative without one");
  command.add_option("--seed", o.seed, "seed of the noise")->check(whole_range(0))->capture_default_str();
  command.add_option("--clean", o.clean,
                     "treat the pictures as noisy and score them against this clean picture, or against the "
                     "pictures of the same names in this folder");
}

void add_solver_options(CLI::App& command, DenoiseOptions& o) {
  command
      .add_option("--lambda", o.lambda_text,
                  "scalar TV without a model: its weight as a number, or auto or discrepancy, which choose "
                  "it for each picture from the\n"
                  "noise: auto (also called sure) by Stein's unbiased estimate of the error, discrepancy so "
                  "that what is taken away has the\nsize of the noise; with --sequence a pair XY,T, for "
                  "differences in space and in time")
      ->check([](const std::string& text) -> std::string {
        try {
          is_lambda_pair(text) ? (void)parse_lambda_pair(text) : (void)parse_scalar_lambda(text);
          return {};
        } catch (const ConfigError& error) {
          return error.what();
        }
      });
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

void add_choice_options(CLI::App& command, DenoiseOptions& o) {
  command
      .add_option_function<std::string>(
          "--refine", [&o](const std::string& text) { o.refine = text == "on"; },
          "on: correct the map in each neighbourhood, by an estimate of the error that needs only the "
          "deviation of the noise; with --lambda, turn the number into such a map; off: use the map or the "
          "number as it is (default: on if the model says so, as general does; off with --lambda)")
      ->check(CLI::IsMember({"on", "off"}));
  command
      .add_option(
          "--sigma", o.sigma,
          "for --lambda auto and discrepancy, and for --refine: the deviation of the noise, where 0 is black "
          "and 1 is white (default: estimated from each picture)")
      ->check(number_range(0, 100));
  command.add_flag(
      "--best", o.best,
      "for grey pictures, with --lambda and a clean picture: also print the best PSNR of 81 lambdas from 0 "
      "to 0.8, which can be found only with the clean picture, and how far the result is below that PSNR");
  command.add_option(
      "--figure", o.figure.figure,
      "for one picture with --lambda auto or discrepancy: the estimated error over lambda, and the true "
      "one where the clean picture is known, as .png, .svg or .pdf");
}

void add_output_options(CLI::App& command, DenoiseOptions& o) {
  command.add_option("-o,--output", o.output,
                     "folder for the results, files with the names, sizes and bit depths of the pictures: "
                     "PNG for PNG, JPEG, PNM and WebP; TIFF, NumPy, NIfTI, PFM and DICOM keep their format; "
                     "FILE.png, FILE.tif and so on for one picture; - for standard output");
  command
      .add_option(
          "--colour", o.colour_text,
          "pictures in colour: channels (each of R, G, B with a map of its own), opponent (the luminance and "
          "two chroma channels, each with a map of its own), joint (one map, from the luminance), luminance "
          "(only that is denoised), or grey (default: opponent with --lambda auto and with a model that has "
          "learnt it, as general has; channels otherwise)")
      ->check(CLI::IsMember({"channels", "opponent", "joint", "luminance", "grey"}))
      ->each([&o](const std::string&) { o.has_colour = true; });
  command.add_option(
      "--format", o.format,
      "format of the results: png, tiff, npy, npz, nii, nii.gz, pnm, pfm, webp or dicom (default: by the "
      "ending of -o FILE; in a folder, the picture's own format, or PNG as described under -o)");
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

void add_denoise_options(CLI::App& command, DenoiseOptions& o) {
  add_input_options(command, o);
  add_solver_options(command, o);
  add_choice_options(command, o);
  add_output_options(command, o);
  command
      .add_option("--jobs", o.side_by_side.jobs,
                  "number of pictures to work on at once, which share the threads and the memory; the "
                  "results are the same for every number (default: as many as there are threads; 1: one "
                  "after the other)")
      ->check(whole_range(1, 1024));
  command.add_option(
      "--shard", o.shard_text,
      "work only on part K of N of the pictures, for example 3/16; auto takes K and N from Slurm or an MPI "
      "launcher (default: all pictures)");
  o.common.add_to(command);
}

}  // namespace

void check_sequence_options(const DenoiseOptions& o) {
  if (o.paths.size() + (o.lambda_text.empty() ? 0 : 1) != 1)
    throw ConfigError(
        "[denoise] --sequence takes one MODEL, or --lambda XY,T without one, and no pictures: {} paths are "
        "given{}",
        o.paths.size(), o.lambda_text.empty() ? "" : " besides --lambda");
  const auto refuse = [](bool given, const char* flag) {
    if (given) throw ConfigError("[denoise] {} is for pictures: leave it out with --sequence", flag);
  };
  refuse(o.size > 0, "--size");
  refuse(o.limit > 0, "--limit");
  refuse(o.best, "--best");
  refuse(o.compare, "--compare");
  refuse(o.has_colour, "--colour");
  refuse(o.sigma.has_value(), "--sigma");
  refuse(o.refine.has_value(), "--refine");
  refuse(o.figure.is_wanted(), "--figure");
  refuse(o.skip_existing, "--skip-existing");
  refuse(o.side_by_side.jobs > 1, "--jobs");
  refuse(!o.shard_text.empty(), "--shard");
  refuse(o.tiling.text != "auto", "--tile");
  refuse(o.output == "-", "-o -");
  refuse(o.map_format == "raw", "--map-format raw");
  if (o.map && !o.lambda_text.empty())
    throw ConfigError("[denoise] --map with --lambda: one pair for all pixels is not a map");
  if (o.noise && !o.clean.empty())
    throw ConfigError(
        "[denoise] --noise treats the frames as clean, --clean treats them as noisy: give only one");
  if (o.output.empty() && (o.map || !o.is_scored()))
    throw ConfigError(
        "[denoise] there is nowhere to write to: give -o DIR, or --noise S or --clean X to measure only");
  check_result_format(o.format, o.output);
}

void check_denoise_options(const DenoiseOptions& o) {
  if (!o.lambda && o.paths.size() < 2) {
    throw ConfigError(
        "[denoise] expects pictures, found only {}, which is taken for a model, as it is neither a picture "
        "nor a folder with pictures",
        o.paths.front());
  }
  for (const std::string& path : o.paths) {
    if (o.lambda && fs::path(path).extension() == ".safetensors") {
      throw ConfigError("[denoise] --lambda does not take a model: leave out {} or --lambda", path);
    }
  }
  const bool refines = o.refine.value_or(false);
  if (o.lambda && o.map && !refines) {
    throw ConfigError(
        "[denoise] --map with --lambda: one lambda for all pixels is not a map; --refine on makes it one");
  }
  if (o.lambda && refines && o.has_colour && o.colour == ColourMode::joint) {
    throw ConfigError(
        "[denoise] --colour joint with --lambda uses one lambda for all three channels, but --refine on "
        "would make a map for each: leave out --refine on, or choose another --colour");
  }
  if (o.lambda && o.tiling.text != "auto") {
    throw ConfigError("[denoise] --tile with --lambda: without a model there is no network to work in tiles");
  }
  if (!o.has_rule() && o.figure.is_wanted())
    throw ConfigError("[denoise] --figure belongs to --lambda auto and --lambda discrepancy");
  if (o.sigma && o.lambda && !o.has_rule() && !refines) throw ConfigError("{}", kSigmaIsNotUsed);
  if (o.best && (!o.lambda || !o.is_scored()))
    throw ConfigError("[denoise] --best needs --lambda, and the clean pictures: give --noise S or --clean X");
  if (o.noise && !o.clean.empty()) {
    throw ConfigError(
        "[denoise] --noise treats the pictures as clean, --clean treats them as noisy: give only one of "
        "them");
  }
  if (o.output.empty() && !o.is_scored() && !o.figure.is_wanted()) {
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
  check_result_format(o.format, o.output);
}

void add_denoise_command(CLI::App& program) {
  auto options = std::make_shared<DenoiseOptions>();
  CLI::App* command = program.add_subcommand("denoise", "denoise pictures");
  add_denoise_options(*command, *options);
  command->footer(
      "If a picture cannot be found or read, the error is reported, the others are still processed, and the\n"
      "exit code is 3. Each result is named after its picture, NAME.png (NAME.tif, NAME.npy, NAME.nii.gz);\n"
      "if pictures differ only in their extensions, a.jpg becomes a_jpg.png. Every page of a TIFF, slice of "
      "a\n"
      "3-D array or volume is a picture; the result is one file with all of them.\n"
      "Examples:\n  primal denoise noisy.png -o denoised\n"
      "  primal denoise runs/thesis/best.safetensors noisy.png -o denoised --map\n"
      "  primal denoise --lambda 0.07 scans/ -o denoised\n"
      "  primal denoise --lambda auto scans/ -o denoised\n"
      "  primal denoise --lambda auto clean.png --noise 0.5 --best --figure risk.png\n"
      "  primal denoise --lambda 0.07 --gap 1e-4 'scans/*.png' -o denoised\n"
      "  primal denoise runs/thesis/best.safetensors - -o - < noisy.png > denoised.png\n"
      "  primal denoise runs/dynamic --sequence frames/ -o denoised\n"
      "  primal denoise --lambda 0.05,0.1 --sequence scan.tif -o denoised.tif\n"
      "  primal denoise runs/thesis/best.safetensors chest_xray/test --size 256 --noise 0.5 --limit 20");
  command->callback([options] {
    if (options->paths.empty() && options->sequence.empty()) throw CLI::RequiredError("paths");
    denoise(*options);
  });
}

}  // namespace primal
