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
#include "apps/training/batches.h"
#include "data/figure/figure.h"
#include "data/file/file.h"
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

// In grey: a picture in colour by its luminance.
Figure comparison(const Tensor& clean, const Tensor& noisy, const Denoised& result, const DenoisingRow& row) {
  const auto shown = [](const Tensor& x) { return Picture::grey(x.size(0) == 3 ? luminance(x) : x); };
  const auto title = [&](const char* text, double decibel) {
    return clean.defined() ? fmt::format("{} {:.2f} dB", text, decibel) : std::string(text);
  };
  std::vector<Panel> panels;
  if (clean.defined()) panels.push_back({"clean", shown(clean)});
  panels.push_back({title("noisy", row.noisy.psnr), shown(noisy)});
  panels.push_back({title("denoised", row.denoised.psnr), shown(result.x)});
  if (result.has_map()) panels.push_back({"Lambda, log scale", Picture::log_map(result.lambda, "Lambda")});
  return {.rows = {panels}};
}

// The noise of a channel, in the mean of the three, as a multiple of that of the luminance: 1.5 where the noises of the channels are
// independent, 1 where they are the same.
double noise_beside_luminance(const Tensor& rgb, const PictureNoise& of_luminance) {
  if (!of_luminance.estimate || !(of_luminance.estimate->sigma > 0.0)) return 1.0;
  double sum = 0.0;
  for (int64_t c = 0; c < rgb.size(0); ++c) {
    const PictureNoise noise = noise_of_picture(rgb.slice(c, c + 1));
    if (!noise.estimate) return 1.0;
    sum += noise.estimate->sigma;
  }
  return std::clamp(sum / 3.0 / of_luminance.estimate->sigma, 1.0, 2.0);
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
  if (row.n_pages > 1) json["page"] = row.page;
  json["read"] = {{"format", row.read.format},     {"samples", row.read.samples}, {"bits", row.read.bits},
                  {"channels", row.read.channels}, {"pages", row.n_pages},        {"width", row.read.width},
                  {"height", row.read.height},     {"slope", row.read.slope},     {"offset", row.read.offset},
                  {"zero", row.read.levels.low},   {"one", row.read.levels.high}};
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
  for (size_t c = 0; c < row.channels.size(); ++c) {
    const DenoisingRow::Channel& channel = row.channels[c];
    nlohmann::json one{{"channel", kChannelNames.at(c)}, {"noise", to_json(channel.noise)}};
    if (channel.lambda) one.update({{"lambda", *channel.lambda}, {"sigma", *channel.sigma}});
    json["channels"].push_back(one);
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
  const Raster& raster = read.picture.raster;
  check_pages(job, read.picture);
  if (options_.best && read.picture.n_planes > 1) {
    throw DataError("[denoise] --best is for grey pictures, {} is in colour: --colour grey makes it grey",
                    job.input.str());
  }
  if (options_.is_scored()) check_scorable(raster.width, raster.height, job.input.str());
  if (options_.has_rule() && !options_.sigma && std::min(raster.width, raster.height) < kMinNoiseSide) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, the estimate of its noise needs {} x {} at least: give its "
        "deviation with "
        "--sigma S, or --lambda a number",
        job.input.str(), raster.width, raster.height, kMinNoiseSide, kMinNoiseSide);
  }
  if (job.clean) read.clean = clean_of(job, read.picture);
  return read;
}

// Perhaps adds noise, denoises, scores and writes.
std::vector<DenoisingRow> PictureDenoising::operator()(const DenoisingJob& job, const DenoisingInput& read) {
  const GreyInput& picture = read.picture;
  const Raster& grey = picture.raster;
  DenoisingRow common;
  common.name = job.input.name;
  common.picture = job.input.str();
  common.n_pages = picture.n_pages();
  common.read = {name_of(grey.format),
                 name_of(picture.file_type),
                 static_cast<int>(8 * bytes_of(picture.file_type)),
                 picture.file_channels,
                 grey.width,
                 grey.height,
                 grey.slope,
                 grey.offset,
                 picture.file_levels};
  Raster denoised = grey;
  std::vector<DenoisingRow> rows;
  Denoised result;
  for (int64_t p = 0; p < picture.n_pages(); ++p) {
    DenoisingRow row = common;
    row.page = p;
    result = denoise_page(job, read, p, row);
    for (int64_t c = 0; c < picture.n_planes; ++c)
      set_from_unit(denoised, p * picture.n_planes + c, result.x.slice(c, c + 1), picture.levels);
    talk(job, result);
    rows.push_back(std::move(row));
  }
  write(job, picture, interleaved(denoised, picture.n_planes), result, rows.back());
  if (job.denoised.empty()) return rows;
  for (DenoisingRow& row : rows) row.denoised_file = job.denoised;
  if (!options_.quiet && !options_.is_scored() && !options_.json) {
    put("{} -> {}\n", job.input.str(), job.denoised.string());
    flush_output();
  }
  return rows;
}

// An autoencoder has learnt grey pictures, and a figure of the risk is that of one picture.
bool PictureDenoising::keeps_colour() const {
  return options_.colour != ColourMode::grey && !denoiser_.is_autoencoder() && !options_.draws_risk;
}

Denoised PictureDenoising::denoise_page(const DenoisingJob& job, const DenoisingInput& read, int64_t page,
                                        DenoisingRow& row) {
  const GreyInput& picture = read.picture;
  const std::string name =
      picture.n_pages() > 1 ? fmt::format("{}, page {} of {}", job.input.str(), page + 1, picture.n_pages())
                            : job.input.str();
  Tensor z = picture.planes(page), clean = read.clean ? read.clean->planes(page) : Tensor();
  if (options_.noise) {
    clean = z;
    if (!options_.quiet && stays_clean(clean, noise_kind_, *options_.noise))
      say("note: {}\n", no_noise_remark(name));
    const NoiseKey key{.seed = options_.seed, .epoch = static_cast<uint32_t>(page), .sample = job.number};
    z = add_noise(clean, noise_kind_, *options_.noise, key);
  }
  const MapPlan plan = denoiser_.plan(z.shape().with(0, 1));
  if (plan.tile > 0 && page == 0 && !options_.quiet) {
    say("{}: {} x {} pixels, the network works in {}\n", job.input.str(), picture.raster.width,
        picture.raster.height, tiles_text(plan));
  }
  Denoised result = picture.n_planes > 1 ? solve_colour(name, z, clean, row) : solve(name, z, clean, row);
  if (plan.tile > 0) row.n_tiles = plan.n_tiles;
  if (!denoiser_.is_autoencoder())
    row.solver = {result.iterations, result.relative_gap, name_of(denoiser_.boundary())};
  row.is_scored = clean.defined();
  if (row.is_scored) {
    row.noisy = scores_of_channels(z, clean);
    row.denoised = scores_of_channels(result.x, clean);
    if (options_.best && picture.n_planes == 1) row.best = denoiser_.best_scalar(z, clean);
  }
  write_page_files(job, clean, z, result, row);
  return result;
}

void PictureDenoising::find_noise(const std::string& name, const Tensor& z, const Tensor& clean,
                                  DenoisingRow& row) {
  row.noise = noise_of_picture(z);
  if (options_.has_rule()) choose(z, clean, row);
  talk_of_noise(name, row);
}

Denoised PictureDenoising::solve(const std::string& name, const Tensor& z, const Tensor& clean,
                                 DenoisingRow& row) {
  find_noise(name, z, clean, row);
  Meter meter(name, !options_.quiet, is_terminal(STDERR_FILENO));
  const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  return denoiser_(z, watch, row.lambda);
}

Denoised PictureDenoising::solve_colour(const std::string& name, const Tensor& z, const Tensor& clean,
                                        DenoisingRow& row) {
  if (options_.colour == ColourMode::channels) return solve_channels(name, z, clean, row);
  const Tensor y = luminance(z), clean_y = clean.defined() ? luminance(clean) : Tensor();
  if (options_.colour == ColourMode::luminance) {
    Denoised result = solve(name, y, clean_y, row);
    result.x = with_luminance(z, y, result.x);
    return result;
  }
  find_noise(name, y, clean_y, row);
  Meter meter(name, !options_.quiet, is_terminal(STDERR_FILENO));
  const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  if (denoiser_.has_map()) return denoiser_.with_map_of(y, z, noise_beside_luminance(z, row.noise), watch);
  if (row.lambda) *row.lambda *= noise_beside_luminance(z, row.noise);
  std::vector<Tensor> x;
  Denoised result;
  for (int64_t c = 0; c < z.size(0); ++c) {
    const double gap = result.relative_gap;
    result = denoiser_(z.slice(c, c + 1), watch, row.lambda);
    result.relative_gap = std::max(result.relative_gap, gap);
    x.push_back(result.x);
  }
  result.x = stacked(x);
  return result;
}

Denoised PictureDenoising::solve_channels(const std::string& name, const Tensor& z, const Tensor& clean,
                                          DenoisingRow& row) {
  std::vector<Tensor> x;
  Denoised result, green;
  double gap = 0.0;
  for (int64_t c = 0; c < z.size(0); ++c) {
    const auto k = static_cast<size_t>(c);
    DenoisingRow of_channel;
    of_channel.picture = row.picture;
    result = solve(fmt::format("{}, {}", name, kChannelNames.at(k)), z.slice(c, c + 1),
                   clean.defined() ? clean.slice(c, c + 1) : Tensor(), of_channel);
    gap = std::max(gap, result.relative_gap);
    x.push_back(result.x);
    row.channels.push_back({of_channel.noise, of_channel.sigma, of_channel.lambda});
    if (c != 1) continue;
    green = result;
    row.noise = of_channel.noise;
    row.rule = of_channel.rule;
    row.sigma = of_channel.sigma;
    row.lambda = of_channel.lambda;
  }
  green.x = stacked(x);
  green.relative_gap = gap;
  return green;
}

PictureFormat PictureDenoising::result_format_of(const DenoisingJob& job, const GreyInput& read) const {
  if (!options_.format.empty()) return parse_picture_format(options_.format);
  const std::optional<PictureFormat> named = format_of_name(job.denoised);
  return named ? *named : result_format(read.raster.format);
}

// What would fail after the work is refused before it.
void PictureDenoising::check_pages(const DenoisingJob& job, const GreyInput& read) const {
  if (!job.denoised.empty() || options_.to_standard_output)
    check_fits(read.outline(), result_format_of(job, read), job.input.str());
  if (!job.map.empty() || !job.compare.empty()) {
    if (read.n_pages() > 1)
      throw DataError("[denoise] {} has {} pages: --map and --compare are for files of one", job.input.str(),
                      read.n_pages());
  }
}

GreyInput PictureDenoising::read_one(const PictureInput& input, const LevelRange& range) {
  GreyInput grey =
      keeps_colour() ? read_colour(input, options_.size, range) : read_grey(input, options_.size, range);
  if (const std::string& remark = grey.small_range;
      !remark.empty() && range.kind == LevelRange::Kind::full && !said_range_ && !options_.quiet) {
    said_range_ = true;
    say("note: {}\n", remark);
  }
  if (grey.was_colour && grey.n_planes == 1 && !said_grey_ && !options_.quiet) {
    said_grey_ = true;
    say("{} is in colour: it is converted to grey (ITU-R 601)\n", input.str());
  }
  if (!options_.quiet) {
    for (const std::string& fault : grey.raster.remarks) say("{}: {}\n", input.str(), fault);
  }
  if (grey.raster.had_alpha && !said_alpha_ && !options_.quiet) {
    said_alpha_ = true;
    say("{} has transparency: it is ignored, as for every picture\n", input.str());
  }
  return grey;
}

GreyInput PictureDenoising::clean_of(const DenoisingJob& job, const GreyInput& read) {
  const Raster& noisy = read.raster;
  GreyInput clean_read = read_one(*job.clean, same_range(range_, read.file_levels, read.of_levels));
  const Raster& clean = clean_read.raster;
  if (clean.width != noisy.width || clean.height != noisy.height) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, but its clean picture {} has {} x {}: expected the same size; "
        "--size S "
        "makes both S x S",
        job.input.str(), noisy.width, noisy.height, job.clean->str(), clean.width, clean.height);
  }
  if (clean_read.n_planes != read.n_planes) {
    throw DataError(
        "[denoise] only one of {} and its clean picture {} is in colour: --colour grey makes both grey",
        job.input.str(), job.clean->str());
  }
  if (clean.pages != noisy.pages) {
    throw DataError("[denoise] {} has {} pages, but its clean picture {} has {}: expected as many",
                    job.input.str(), noisy.pages, job.clean->str(), clean.pages);
  }
  return clean_read;
}

void PictureDenoising::write(const DenoisingJob& job, const GreyInput& read, Raster result,
                             const Denoised& last, const DenoisingRow& last_row) const {
  if (job.denoised.empty() && !options_.to_standard_output) return;
  const PictureFormat format = result_format_of(job, read);
  PngText text = provenance(last, last_row);
  if (format == PictureFormat::png && !(read.of_levels || options_.size > 0))
    text["Primal range"] = fmt::format("{}:{}", read.levels.low, read.levels.high);
  result = fitted(std::move(result), format, read.levels.low, read.levels.high, job.input.str());
  const std::vector<uint8_t> bytes = encode_raster(result, format, text);
  if (options_.to_standard_output) write_standard_output(bytes);
  if (!job.denoised.empty()) write_file_atomically(job.denoised, bytes);
}

void PictureDenoising::write_page_files(const DenoisingJob& job, const Tensor& clean, const Tensor& z,
                                        const Denoised& result, DenoisingRow& row) const {
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

void PictureDenoising::talk_of_noise(const std::string& name, const DenoisingRow& row) {
  const std::string outside =
      options_.lambda || denoiser_.is_autoencoder() || !denoiser_.config().data.manifest.empty()
          ? std::string()
          : noise_range_remark(row.noise, denoiser_.config().noise);
  if (!outside.empty() && row.picture != last_outside_) {  // its channels and pages count once
    ++n_outside_;
    last_outside_ = row.picture;
  }
  if (options_.quiet) return;
  if (!options_.is_scored() || options_.to_standard_output) {
    say("{}: {}{}\n", name, noise_text(row.noise),
        row.lambda ? fmt::format("; lambda {:.4g}", *row.lambda) : std::string());
  }
  if (!outside.empty() && n_outside_ == 1) say("note: {}: {}\n", name, outside);
  if (const std::string doubt = doubt_of(row.noise); !doubt.empty()) {
    say("note: {}: {}{}\n", name, doubt,
        options_.has_rule() && !options_.sigma ? "; --sigma S gives its deviation" : "");
  }
  if (!row.lambda) return;
  constexpr double kRounding = 1.0 / (255.0 * 3.4641016151377544);  // of 8-bit grey levels
  if (*row.sigma == 0.0) {
    say("note: {}: no noise is found in it, so lambda 0 leaves it as it is\n", name);
  } else if (*row.sigma < kRounding) {
    say("note: {}: its noise is less than the rounding to 8 bit, so lambda is next to nothing\n", name);
  } else if (row.at_the_edge) {
    say("note: {}: the best lambda may lie beyond {:.3g}, the end of what is tried for this noise\n", name,
        *row.lambda);
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
}

}  // namespace primal
