// primal denoise: pictures in, denoised pictures out, with a trained model or with one lambda for all pixels.
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/denoise_options.h"
#include "apps/commands/denoise_plan.h"
#include "apps/models/shipped_models.h"
#include "apps/pictures/denoiser.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/inputs.h"
#include "apps/pictures/picture_denoising.h"
#include "apps/pictures/scalar_lambda.h"
#include "apps/pictures/score_table.h"
#include "apps/pictures/side_by_side.h"
#include "apps/scores/scores.h"
#include "apps/sequences/sequence_denoising.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/training/model_choice.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// The figure of --figure, of the one picture.
void draw(const DenoiseOptions& o, const DenoisingRow& row) {
  if (!o.figure.is_wanted()) return;
  if (!row.figure) {
    say("note: {}: there is no noise, so there is no curve to draw\n", row.picture);
    return;
  }
  o.figure.write(*row.figure);
}

// Whether the first word is meant as a model: a file of tensors, the folder of a training run, a
// name; or what is neither a picture nor a folder with pictures, so that the message names what is
// wrong with it as a model.
bool begins_with_model(const std::vector<std::string>& paths) {
  const std::string& word = paths.front();
  const auto is_tensors = [](const std::string& path) {
    return fs::path(path).extension() == ".safetensors";
  };
  if (std::ranges::any_of(paths, is_tensors)) return true;
  if (word == "-" || word.find_first_of("*?[") != std::string::npos) return false;
  std::error_code error;
  if (!fs::exists(word, error)) return !has_image_extension(word);
  if (!fs::is_directory(word, error)) {
    PictureInput file{.file = word, .name = {}};
    return !format_of(file);
  }
  if (best_checkpoint_in(word) || (paths.size() > 1 && find_shipped_model(word))) return true;
  try {
    return find_inputs({word}).empty();
  } catch (const Error&) {
    return true;
  }
}

// Without a model and without --lambda, the model that comes with Primal.
void choose_model(DenoiseOptions& o) {
  if (o.lambda || begins_with_model(o.paths)) return;
  const auto shipped = find_shipped_model(kDefaultModel);
  if (!shipped) {
    throw IoError(
        "[denoise] no MODEL is given, and the model {} that comes with Primal is not there; give a "
        "checkpoint, or --lambda auto, which needs none{}",
        kDefaultModel, remark_on_models_variable());
  }
  o.paths.insert(o.paths.begin(), shipped->file.string());
  if (!o.common.quiet)
    say("no MODEL is given: {} is used, which comes with Primal ({})\n", kDefaultModel,
        shipped->file.string());
}

// --sequence: apps/sequences.
void denoise_frames(const DenoiseOptions& o, Device device) {
  check_sequence_options(o);
  denoise_sequence_command({.sequence = o.sequence,
                            .output = o.output,
                            .clean = o.clean,
                            .model = o.paths.empty() ? "" : o.paths.front(),
                            .lambda = o.lambda_text,
                            .boundary = o.boundary,
                            .map = o.map,
                            .overwrite = o.overwrite},
                           o, device);
}

}  // namespace

void denoise(DenoiseOptions options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  options.has_clean = !options.clean.empty();
  options.to_standard_output = options.output == "-";
  options.quiet = options.common.quiet;
  options.draws_risk = options.figure.is_wanted();
  options.json = options.common.json;
  options.side_by_side.quiet = options.common.quiet;
  if (options.has_colour) options.colour = parse_colour_mode(options.colour_text);
  if (!options.sequence.empty()) return denoise_frames(options, device);
  if (!options.shard_text.empty()) options.shard = parse_shard(options.shard_text);
  if (!options.lambda_text.empty()) options.lambda = parse_scalar_lambda(options.lambda_text);
  choose_model(options);
  check_denoise_options(options);
  options.figure.check(options.overwrite);
  InputRemarks remarks;
  const std::vector<PictureInput> inputs = find_inputs(
      {options.paths.begin() + (options.lambda ? 0 : 1), options.paths.end()}, options.limit, &remarks);
  const Denoiser denoiser(
      {.model = options.lambda ? "" : options.paths.front(),
       .lambda = options.lambda ? std::optional(options.lambda->number) : std::nullopt,
       .iterations = options.iterations,
       .gap = options.gap,
       .boundary = options.boundary.empty() ? std::nullopt : std::optional(parse_boundary(options.boundary)),
       .refine = options.refine,
       .tiling = options.tiling,
       .quiet = options.common.quiet,
       .device = device});
  const bool by_risk = options.lambda && options.lambda->rule == LambdaRule::sure;
  const bool has_learnt = denoiser.has_map() && denoiser.config().data.colour == "opponent";
  if (!options.has_colour && (by_risk || has_learnt)) options.colour = ColourMode::opponent;
  if (options.figure.is_wanted() && inputs.size() != 1)
    throw ConfigError("[denoise] --figure draws one picture, found {}", inputs.size());
  if (options.sigma && !options.has_rule() && !denoiser.refines()) throw ConfigError("{}", kSigmaIsNotUsed);
  if (options.map && denoiser.is_autoencoder())
    throw ConfigError("[denoise] --map: {} is an autoencoder, which has no map", options.paths.front());
  const DenoisingPlan plan = plan_denoising(options, inputs);
  const std::vector<DenoisingJob>& jobs = plan.jobs;
  const size_t n_skipped = plan.n_skipped;

  const bool aside = options.to_standard_output;  // standard output belongs to the picture
  const bool tabled = options.is_scored() && !options.common.json && !(aside && options.common.quiet);
  const auto print = [&](const std::string& line) {
    if (aside) return say_text(line);
    put_text(line);
    flush_output();
  };
  const size_t n_in_part = jobs.size() + n_skipped;
  if (!options.shard.is_all() && !options.common.quiet)
    say("part {}: {} of {} pictures\n", options.shard.str(), n_in_part, inputs.size());
  if (n_skipped > 0 && !options.common.quiet)
    say("{} of {} pictures are skipped, because their results exist\n", n_skipped, n_in_part);
  nlohmann::json rows = nlohmann::json::array();
  Failures failures(inputs.size() + remarks.missing.size());
  for (const auto& [path, problem] : remarks.missing) failures.add(path, problem);
  if (!remarks.left_out.empty() && !options.common.quiet) say("note: {}\n", remarks.left_out_text());
  ScoreColumns noisy, denoised, best;
  const ScoreTable table(options.has_rule(), options.best);
  const auto take = [&](const DenoisingJob& job, const DenoisedFile& result) {
    if (result.problem) return failures.add(job.input.str(), *result.problem);
    for (const DenoisingRow& row : result.rows) {
      noisy.add(row.noisy);
      denoised.add(row.denoised);
      if (row.best) best.add(*row.best);
      rows.push_back(to_json(row));
      draw(options, row);
      if (tabled && rows.size() == 1) print(table.head());
      if (tabled) print(table.line(row));
    }
    if (job.denoised.empty() || options.common.quiet || options.is_scored() || options.common.json) return;
    put("{} -> {}\n", job.input.str(), job.denoised.string());
    flush_output();
  };
  RemarkPrinter printer(options.common.quiet);
  const int stopped_by =
      denoise_side_by_side(jobs, PictureDenoising(options, denoiser), options.side_by_side, printer, take);
  if (options.common.json) {
    nlohmann::json report = {{"pictures", rows}, {"errors", failures.json()}};
    if (options.skip_existing) report["skipped"] = n_skipped;
    if (options.is_scored() && !rows.empty()) {
      report["mean"] = scores_json(noisy.mean(), denoised.mean());
      if (options.best) {
        report["mean"]["psnr_best"] = best.mean().psnr;
        report["mean"]["loss"] = best.mean().psnr - denoised.mean().psnr;
      }
      report["infinite"] = {{"psnr_noisy", noisy.psnr().n_infinite}, {"psnr", denoised.psnr().n_infinite}};
    }
    print_json(report);
  } else if (tabled && !rows.empty()) {
    print(table.mean(rows.size(), noisy.mean(), denoised.mean(), options.best ? best.mean().psnr : 0.0));
  }
  flush_output();
  const size_t n_outside = printer.count(Remark::Kind::outside), n_far = printer.count(Remark::Kind::far);
  if (n_outside > 1 && !options.common.quiet)
    say("note: the noise of {} of {} pictures is outside of what the model was trained for\n", n_outside,
        rows.size());
  if (n_far > 1 && !options.common.quiet)
    say("note: {} of {} results are as far from convergence\n", n_far, rows.size());
  for (const auto& [name, summary] :
       {std::pair{"noisy PSNR", noisy.psnr()}, std::pair{"PSNR", denoised.psnr()}}) {
    if (options.is_scored() && !options.common.quiet && !summary.all_finite())
      say("note: {}\n", remark_of(name, summary));
  }
  if (stopped_by != 0) throw Stopped(stopped_by, !options.output.empty());
  failures.finish("denoise");
}

}  // namespace primal
