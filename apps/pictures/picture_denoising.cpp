#include "apps/pictures/picture_denoising.h"

#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <vector>

#include "apps/pictures/lambda_figure.h"
#include "apps/pictures/map_file.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/results.h"
#include "apps/scores/lambda_search.h"
#include "apps/shell/build_info.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "data/figure/figure.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

// A gap of this share of the objective counts as far from converged: 256 iterations with a useful lambda end below it.
constexpr double kFarFromConverged = 0.05;

// What a tEXt chunk may hold of a name: printable ASCII, anything else as a question mark.
std::string latin_text(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

Figure comparison(const Tensor& clean, const Tensor& noisy, const Denoised& result, const DenoisingRow& row) {
  const auto title = [&](const char* text, double decibel) {
    return clean.defined() ? fmt::format("{} {:.2f} dB", text, decibel) : std::string(text);
  };
  std::vector<Panel> panels;
  if (clean.defined()) panels.push_back({"clean", Picture::grey(clean)});
  panels.push_back({title("noisy", row.noisy.psnr), Picture::grey(noisy)});
  panels.push_back({title("denoised", row.denoised.psnr), Picture::grey(result.x)});
  if (result.has_map()) panels.push_back({"Lambda, log scale", Picture::log_map(result.lambda, "Lambda")});
  return {.rows = {panels}};
}

}  // namespace

nlohmann::json scores_json(const Scores& noisy, const Scores& denoised) {
  return {{"psnr_noisy", noisy.psnr},
          {"psnr", denoised.psnr},
          {"ssim_noisy", noisy.ssim},
          {"ssim", denoised.ssim}};
}

nlohmann::json to_json(const DenoisingRow& row) {
  nlohmann::json json{{"picture", row.picture}};
  if (row.n_tiles > 0) json["tiles"] = row.n_tiles;
  if (row.solver) {
    json["iterations"] = row.solver->iterations;
    json["relative_gap"] = row.solver->relative_gap;
    json["boundary"] = row.solver->boundary;
  }
  json["noise"] = to_json(row.noise);
  if (row.lambda) {
    json["lambda"] = *row.lambda;
    json["lambda_rule"] = name_of(row.rule);
    json["sigma"] = *row.sigma;
  }
  if (row.best) json["best_scalar"] = {{"psnr", row.best->psnr}, {"ssim", row.best->ssim}};
  if (row.is_scored) json.update(scores_json(row.noisy, row.denoised));
  if (!row.denoised_file.empty()) json["denoised"] = row.denoised_file.string();
  if (!row.map.empty()) json["map"] = row.map.string();
  if (!row.compare.empty()) json["compare"] = row.compare.string();
  return json;
}

PictureDenoising::PictureDenoising(const PictureDenoisingOptions& options, const Denoiser& denoiser)
    : options_(options),
      denoiser_(denoiser),
      noise_kind_(
          parse_noise_kind(options.noise_kind.empty() ? denoiser.config().noise.kind : options.noise_kind)),
      range_(parse_level_range(options.range.empty() ? denoiser.config().data.range : options.range)) {}

DenoisingInput PictureDenoising::read(const DenoisingJob& job) {
  DenoisingInput read{read_one(job.input, range_), {}};
  const Image& image = read.picture.image;
  if (options_.is_scored()) check_scorable(image.width, image.height, job.input.str());
  if (options_.has_rule() && !options_.sigma && std::min(image.width, image.height) < kMinNoiseSide) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, the estimate of its noise needs {} x {} at least: give its "
        "deviation with "
        "--sigma S, or --lambda a number",
        job.input.str(), image.width, image.height, kMinNoiseSide, kMinNoiseSide);
  }
  if (job.clean) read.clean = clean_of(job, read.picture).tensor();
  return read;
}

// Perhaps adds noise, denoises, scores and writes.
DenoisingRow PictureDenoising::operator()(const DenoisingJob& job, const DenoisingInput& read) {
  const Image& grey = read.picture.image;
  Tensor clean = read.clean, z = read.picture.tensor();
  if (options_.noise) {
    clean = z;
    if (!options_.quiet && stays_clean(clean, noise_kind_, *options_.noise))
      say("note: {}\n", no_noise_remark(job.input.str()));
    z = add_noise(clean, noise_kind_, *options_.noise, NoiseKey{.seed = options_.seed, .sample = job.number});
  }
  DenoisingRow row;
  row.name = job.input.name;
  row.picture = job.input.str();
  row.noise = noise_of_picture(z);
  if (options_.has_rule()) choose(z, clean, row);
  talk_of_noise(row);
  const MapPlan plan = denoiser_.plan(z.shape());
  if (plan.tile > 0 && !options_.quiet) {
    say("{}: {} x {} pixels, the network works in {}\n", job.input.str(), grey.width, grey.height,
        tiles_text(plan));
  }
  const Denoised result = [&] {
    Meter meter(job.input.str(), !options_.quiet, is_terminal(STDERR_FILENO));
    const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
    return denoiser_(z, watch, row.lambda);
  }();
  if (plan.tile > 0) row.n_tiles = plan.n_tiles;
  if (!denoiser_.is_autoencoder())
    row.solver = {result.iterations, result.relative_gap, name_of(denoiser_.boundary())};
  row.is_scored = clean.defined();
  if (row.is_scored) {
    row.noisy = scores_of(z, clean);
    row.denoised = scores_of(result.x, clean);
    if (options_.best) row.best = denoiser_.best_scalar(z, clean);
  }
  write(job, read.picture, clean, z, result, row);
  talk(job, result);
  return row;
}

GreyInput PictureDenoising::read_one(const PictureInput& input, const LevelRange& range) {
  GreyInput grey = read_grey(input, options_.size, range);
  const std::string remark = small_range_remark(input.str(), grey.file_bit_depth, grey.largest_level);
  if (!remark.empty() && range.kind == LevelRange::Kind::full && !said_range_ && !options_.quiet) {
    said_range_ = true;
    say("note: {}\n", remark);
  }
  if (grey.was_colour && !said_grey_ && !options_.quiet) {
    said_grey_ = true;
    say("{} is in colour: it is converted to grey (ITU-R 601), like every picture in colour\n", input.str());
  }
  if (!options_.quiet) {
    for (const std::string& fault : grey.image.remarks) say("{}: {}\n", input.str(), fault);
  }
  if (grey.had_alpha && !said_alpha_ && !options_.quiet) {
    said_alpha_ = true;
    say("{} has transparency: it is ignored, as for every picture\n", input.str());
  }
  return grey;
}

GreyInput PictureDenoising::clean_of(const DenoisingJob& job, const GreyInput& read) {
  const Image& noisy = read.image;
  GreyInput clean_read = read_one(*job.clean, same_range(range_, read.file_levels));
  const Image& clean = clean_read.image;
  if (clean.width != noisy.width || clean.height != noisy.height) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, but its clean picture {} has {} x {}: expected the same size; "
        "--size S "
        "makes both S x S",
        job.input.str(), noisy.width, noisy.height, job.clean->str(), clean.width, clean.height);
  }
  return clean_read;
}

void PictureDenoising::write(const DenoisingJob& job, const GreyInput& read, const Tensor& clean,
                             const Tensor& z, const Denoised& result, DenoisingRow& row) const {
  const auto denoised = [&] {
    Image image = from_unit(result.x, read.levels, read.image.bit_depth);
    image.density = read.image.density;
    return image;
  };
  if (options_.to_standard_output) write_standard_output(encode_png(denoised(), provenance(result, row)));
  if (!job.denoised.empty()) {
    write_png(job.denoised, denoised(), provenance(result, row));
    row.denoised_file = job.denoised;
  }
  if (!job.map.empty()) {
    write_map(job.map, result.lambda, parse_map_format(options_.map_format), options_.figures);
    row.map = job.map;
  }
  if (!job.compare.empty()) {
    options_.figures.write(job.compare, comparison(clean, z, result, row));
    row.compare = job.compare;
  }
}

// How the result came about, for its text chunks.
PngText PictureDenoising::provenance(const Denoised& result, const DenoisingRow& row) const {
  const BuildInfo& info = build_info();
  PngText text{{"Software", fmt::format("primal {} ({})", info.version, info.commit)}};
  if (!denoiser_.is_autoencoder()) {
    text["Primal iterations"] = fmt::format("{}", result.iterations);
    text["Primal boundary"] = name_of(denoiser_.boundary());
  }
  if (options_.lambda)
    text["Primal lambda"] = fmt::format("{}", row.lambda.value_or(options_.lambda->number));
  if (row.lambda)
    text["Primal lambda rule"] = fmt::format("{}, noise of deviation {}", name_of(row.rule), *row.sigma);
  if (!options_.lambda) {
    text["Primal model"] = latin_text(denoiser_.model_file_name());
    text["Primal model CRC-32"] = denoiser_.checksum();
  }
  if (options_.noise)
    text["Primal noise added"] = fmt::format("{} {}", name_of(noise_kind_), *options_.noise);
  return text;
}

// lambda by the rule, from the noise that was given or found.
void PictureDenoising::choose(const Tensor& z, const Tensor& clean, DenoisingRow& row) const {
  row.rule = options_.lambda->rule;
  row.sigma = options_.sigma ? *options_.sigma : row.noise.estimate->sigma;
  const LambdaChoiceParams params = denoiser_.choice_params(options_.seed);
  const Tensor there = z.to(denoiser_.device());
  const LambdaChoice choice = row.rule == LambdaRule::sure ? lambda_by_risk(there, *row.sigma, params)
                                                           : lambda_by_discrepancy(there, *row.sigma, params);
  row.lambda = choice.lambda;
  row.at_the_edge = choice.at_the_edge;
  if (options_.draws_risk && !choice.points.empty())
    row.figure = lambda_figure(choice, *row.sigma, there, clean, params);
}

void PictureDenoising::talk_of_noise(const DenoisingRow& row) {
  const std::string outside =
      options_.lambda || denoiser_.is_autoencoder() || !denoiser_.config().data.manifest.empty()
          ? std::string()
          : noise_range_remark(row.noise, denoiser_.config().noise);
  if (!outside.empty()) ++n_outside_;
  if (options_.quiet) return;
  if (!options_.is_scored() || options_.to_standard_output) {
    say("{}: {}{}\n", row.picture, noise_text(row.noise),
        row.lambda ? fmt::format("; lambda {:.4g}", *row.lambda) : std::string());
  }
  if (!outside.empty() && n_outside_ == 1) say("note: {}: {}\n", row.picture, outside);
  if (const std::string doubt = doubt_of(row.noise); !doubt.empty()) {
    say("note: {}: {}{}\n", row.picture, doubt,
        options_.has_rule() && !options_.sigma ? "; --sigma S gives its deviation" : "");
  }
  if (!row.lambda) return;
  constexpr double kRounding = 1.0 / (255.0 * 3.4641016151377544);  // of 8-bit grey levels
  if (*row.sigma == 0.0) {
    say("note: {}: no noise is found in it, so lambda 0 leaves it as it is\n", row.picture);
  } else if (*row.sigma < kRounding) {
    say("note: {}: its noise is less than the rounding to 8 bit, so lambda is next to nothing\n",
        row.picture);
  } else if (row.at_the_edge) {
    say("note: {}: the best lambda may lie beyond {:.3g}, the end of what is tried for this noise\n",
        row.picture, *row.lambda);
  }
}

void PictureDenoising::talk(const DenoisingJob& job, const Denoised& result) {
  const bool asked = options_.gap > 0.0;
  // A model's own T is what it was trained with, converged or not.
  const bool chosen = options_.lambda || options_.iterations > 0;
  const bool far = !asked && chosen && result.relative_gap > kFarFromConverged;
  n_far_ += far ? 1 : 0;
  if (options_.quiet) return;
  if (asked) {
    say("{}: {} iterations, relative gap {:.2e}{}\n", job.input.str(), result.iterations, result.relative_gap,
        result.relative_gap > options_.gap
            ? fmt::format(": {:g} was not reached, more --iterations would help", options_.gap)
            : "");
  }
  if (far && n_far_ == 1) {
    say("note: {}: far from convergence after {} iterations, the primal-dual gap is {:.2g} of the "
        "objective; "
        "--gap 1e-3 iterates until it is small\n",
        job.input.str(), result.iterations, result.relative_gap);
  }
  if (options_.is_scored() || options_.json || job.denoised.empty()) return;
  put("{} -> {}\n", job.input.str(), job.denoised.string());
  flush_output();
}

}  // namespace primal
