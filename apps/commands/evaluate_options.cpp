#include "apps/commands/evaluate_options.h"

#include "apps/commands/number_range.h"
#include "data/embedding/tsne.h"

namespace primal {

namespace {

void add_evaluate_options(CLI::App& command, EvaluateOptions& o) {
  command
      .add_option(
          "MODEL", o.models,
          "checkpoint, folder of a run, or bare weights of the thesis model; further models are compared "
          "with the first")
      ->required();
  command
      .add_option(
          "--data", o.data,
          "folder of clean pictures: DIR/test if it exists, otherwise DIR itself; of a classifier a folder "
          "for each class, or a manifest; of an autoencoder also a manifest, or MNIST's files; of a model "
          "for sequences a folder of clean sequences")
      ->required();
  command
      .add_option(
          "--size", o.size,
          "side of the pictures, or of a sequence's frames, pixels (default: as the model was trained)")
      ->check(whole_range(7, 16384));
  command.add_option("--noise", o.noise, "standard deviation")
      ->check(number_range(0, 10))
      ->each([&o](const std::string&) { o.has_noise = true; })
      ->capture_default_str();
  add_noise_kind_option(command, o.noise_kind, "as the model was trained");
  command.add_option("--seed", o.seed, "seed of the noise and the bootstrap")
      ->check(whole_range(0))
      ->capture_default_str();
  add_range_option(command, o.range, "as the model was trained");
  command.add_option("--limit", o.limit, "only the first N pictures")->check(whole_range(1));
  command.add_option(
      "--shard", o.shard_text,
      "score only part K of N of the pictures, for example 3/16; auto takes K and N from Slurm or an MPI "
      "launcher (default: all pictures)");
  command.add_option(
      "--merge", o.merge,
      "output folders of parts, or of an evaluation that was stopped: pictures whose scores they contain are "
      "not scored again");
  command.add_option("--lpips", o.lpips,
                     "weights of LPIPS, a file of scripts/pytorch/lpips_weights.py: adds that score of an "
                     "autoencoder's pictures");
  command
      .add_option("--grid", o.grid,
                  "the scalar lambdas to choose from, LOW:HIGH:N; of a map for pictures only")
      ->each([&o](const std::string&) { o.has_grid = true; })
      ->capture_default_str();
  command.add_option(
      "--iterations", o.iterations,
      "also score with these iterations of PDHG at test time, map and best scalar: T,T,... for example "
      "16,64,256,1024");
  command
      .add_option("--scalar-iterations", o.scalar_iterations,
                  "iterations of PDHG for each scalar lambda of the grid")
      ->check(whole_range(1, 1'000'000'000))
      ->each([&o](const std::string&) { o.has_scalar_iterations = true; })
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--refine", [&o](const std::string& text) { o.refine = text == "on"; },
          "whether maps are corrected as `primal denoise` does it, from the estimated noise (default: on if "
          "the model says so, as general does)")
      ->check(CLI::IsMember({"on", "off"}));
  add_tile_option(command, o.tiling);
  command.add_option("-o,--output", o.output,
                     "folder for report.html (all of it as a page), evaluation.csv (one row per picture), "
                     "summary.json, .csv and .txt, and figures, in figures/, scores/, search/ and lambda/");
  command
      .add_option("--tsne", o.n_tsne,
                  "of an autoencoder with latent vectors: points of the figure by t-SNE; 0: no such figure")
      ->check(whole_range(0, kMaxTsnePoints))
      ->capture_default_str();
  command.add_option("--perplexity", o.perplexity, "of t-SNE")
      ->check(number_range(1, 1000))
      ->capture_default_str();
  command
      .add_option(
          "--figure", o.figures,
          "picture to show side by side, by name or number from 1; may be repeated (default: the first, and "
          "those with the worst, the median and the best gain of PSNR)")
      ->allow_extra_args(false);
  add_figure_style(command, o.style);
  command.add_flag("--overwrite", o.overwrite, "replace files that exist");
  o.common.add_to(command);
  command.footer(
      "PSNR and SSIM are computed from the unclipped result, with data range 1. The best scalar lambda is\n"
      "chosen for each picture with knowledge of the clean picture, once by PSNR and once by SSIM, and uses\n"
      "the model's boundary; for a model of sequences it is the best pair of weights, in space and in time, "
      "from\n"
      "a coarse grid that is refined twice. The PSNR of identical pictures is infinite: `inf` in "
      "evaluation.csv, null in\n"
      "JSON. Such values are counted, and means, deviations and intervals are over the finite ones. If a\n"
      "picture cannot be read, the error is reported, the others are still processed, and the exit code is\n"
      "3. Ctrl-C stops after the current picture and reports.\n"
      "Examples:\n  primal evaluate runs/thesis/best.safetensors --data chest_xray -o evaluation\n"
      "  primal evaluate runs/a/best.safetensors runs/b/best.safetensors --data chest_xray\n"
      "  primal evaluate runs/thesis/best.safetensors --data chest_xray --noise 0.3 --limit 10 --figure 1");
}

}  // namespace

void add_evaluate_command(CLI::App& program) {
  auto o = std::make_shared<EvaluateOptions>();
  CLI::App* command = program.add_subcommand(
      "evaluate", "compare a model's map with the best scalar lambda of each test picture");
  add_evaluate_options(*command, *o);
  command->callback([o] { evaluate(*o); });
}

}  // namespace primal
