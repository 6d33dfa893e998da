#include "apps/pictures/picture_denoising.h"

#include <algorithm>
#include <fmt/core.h>
#include <unistd.h>
#include <vector>

#include "apps/pictures/denoising_remarks.h"
#include "apps/pictures/lambda_figure.h"
#include "apps/pictures/map_file.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/provenance.h"
#include "apps/pictures/results.h"
#include "apps/scores/lambda_search.h"
#include "apps/shell/terminal.h"
#include "data/figure/figure.h"
#include "data/file/file.h"
#include "data/noise_estimate/block_spectra.h"
#include "model/noise_variances.h"
#include "solvers/map_refinement/map_refinement.h"
#include "tensor/error.h"

namespace primal {
namespace {

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

}  // namespace

PictureDenoising::PictureDenoising(const PictureDenoisingOptions& options, const Denoiser& denoiser)
    : options_(options),
      denoiser_(denoiser),
      noise_kind_(
          parse_noise_kind(options.noise_kind.empty() ? denoiser.config().noise.kind : options.noise_kind)),
      // An autoencoder has learnt grey pictures.
      reader_(options,
              parse_level_range(options.range.empty() ? denoiser.config().data.range : options.range),
              options.colour != ColourMode::grey && !denoiser.is_autoencoder()) {}

DenoisingInput PictureDenoising::read(const DenoisingJob& job, Remarks& remarks) const {
  return reader_(job, remarks);
}

// A page takes planes of float32 for the noisy picture, the clean one, the result and the figures, in colour
// once more as opponent channels, the solver's eight fields, the network's part, the refinement's, and the
// blocks of the noise estimate with the copy in which they are gathered; a file takes its samples twice.
DenoisingNeeds PictureDenoising::needs(const DenoisingInput& read) const {
  constexpr int64_t kFields = 8, kBytesOfABlock = 2 * 4 * 24;
  const GreyInput& picture = read.picture;
  const int64_t pixels = picture.raster.width * picture.raster.height;
  const MapPlan plan = denoiser_.plan({1, 1, 1, picture.raster.height, picture.raster.width});
  const int64_t floats = pixels * (kFields + (picture.n_planes > 1 ? 8 : 5) * int64_t{picture.n_planes});
  const int64_t refinement =
      denoiser_.refines()
          ? refine_map_bytes(picture.raster.height, picture.raster.width, denoiser_.boundary())
          : 0;
  return {.bytes = 4 * floats + refinement + plan.bytes + kBytesOfABlock * std::min(pixels, kMaxBlocks) +
                   2 * std::ssize(picture.raster.samples),
          .alone = plan.tile > 0};
}

// Perhaps adds noise, denoises, scores and writes.
std::vector<DenoisingRow> PictureDenoising::operator()(const DenoisingJob& job, const DenoisingInput& read,
                                                       Remarks& remarks) const {
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
                 picture.file_slope,
                 picture.file_offset,
                 picture.file_levels};
  common.read.alpha = picture.file_alpha;
  common.read.profile_space = profile_space(grey.meaning.profile);
  common.read.profile_bytes = grey.meaning.profile.size();
  if (const auto* dicom = std::get_if<DicomOrigin>(&grey.origin))
    common.read.dicom = {dicom->bits_stored, dicom->photometric, dicom->transfer_syntax};
  Raster denoised = grey;
  std::vector<DenoisingRow> rows;
  Page page;
  for (int64_t p = 0; p < picture.n_pages(); ++p) {
    DenoisingRow row = common;
    row.page = p;
    if (p > 0) write_page_files(job, page, rows.back());
    page = denoise_page(job, read, p, row, remarks);
    for (int64_t c = 0; c < picture.n_planes; ++c)
      set_from_unit(denoised, p * picture.n_planes + c, page.result.x.slice(c, c + 1), picture.levels);
    remark_on_convergence(options_, job.input.str(), page.result, remarks);
    rows.push_back(std::move(row));
  }
  // A map belongs to its picture: where another process has written that, it writes the map too.
  if (write(job, picture, interleaved(denoised, picture.n_planes), page.result, rows.back(), remarks)) {
    write_page_files(job, page, rows.back());
    for (DenoisingRow& row : rows) row.denoised_file = job.denoised;
  }
  return rows;
}

PictureDenoising::Page PictureDenoising::denoise_page(const DenoisingJob& job, const DenoisingInput& read,
                                                      int64_t page, DenoisingRow& row,
                                                      Remarks& remarks) const {
  const GreyInput& picture = read.picture;
  const std::string name =
      picture.n_pages() > 1 ? fmt::format("{}, page {} of {}", job.input.str(), page + 1, picture.n_pages())
                            : job.input.str();
  Tensor z = picture.planes(page), clean = read.clean ? read.clean->planes(page) : Tensor();
  if (options_.noise) {
    clean = z;
    if (!options_.quiet && stays_clean(clean, noise_kind_, *options_.noise))
      remarks.add("note: {}\n", no_noise_remark(name));
    const NoiseKey key{.seed = options_.seed, .epoch = static_cast<uint32_t>(page), .sample = job.number};
    z = add_noise(clean, noise_kind_, *options_.noise, key);
  }
  const MapPlan plan = denoiser_.plan(z.shape().with(0, 1));
  if (plan.tile > 0 && page == 0) {
    remarks.add("{}: {} x {} pixels, the network works in {}\n", job.input.str(), picture.raster.width,
                picture.raster.height, tiles_text(plan));
  }
  if (picture.n_planes > 1) row.colour = kColourModes[static_cast<size_t>(options_.colour)];
  Denoised result = picture.n_planes > 1 ? solve_colour(name, z, clean, row, remarks)
                                         : solve(name, z, clean, row, remarks, {});
  if (plan.tile > 0) row.n_tiles = plan.n_tiles;
  if (!denoiser_.is_autoencoder())
    row.solver = {result.iterations, result.relative_gap, name_of(denoiser_.boundary())};
  row.is_scored = clean.defined();
  if (row.is_scored) {
    row.noisy = scores_of_channels(z, clean);
    row.denoised = scores_of_channels(result.x, clean);
    if (options_.best && picture.n_planes == 1) row.best = denoiser_.best_scalar(z, clean);
  }
  return {std::move(z), std::move(clean), std::move(result)};
}

Tensor PictureDenoising::variance_to_refine_for(const Tensor& z, const PictureNoise& found,
                                                const ChannelOrigin& origin) const {
  if (!denoiser_.refines()) return {};
  if (options_.sigma) {
    const double sigma = *options_.sigma * origin.noise.scale;
    return sigma >= kResolvedNoise ? noise_variances(sigma, z) : Tensor();
  }
  return found.model ? known_noise_variances(*found.model, z, origin.noise) : Tensor();
}

Tensor PictureDenoising::find_noise(const std::string& name, const Tensor& z, const Tensor& clean,
                                    DenoisingRow& row, Remarks& remarks, const ChannelOrigin& origin) const {
  row.noise = noise_of_picture(z, origin.noise, denoiser_.refines() && !options_.sigma);
  if (options_.has_rule()) choose(z, clean, row, origin);
  Tensor variance = variance_to_refine_for(z, row.noise, origin);
  row.is_refined = variance.defined();
  remark_on_noise(options_, denoiser_, name, row, remarks);
  return variance;
}

Denoised PictureDenoising::solve(const std::string& name, const Tensor& z, const Tensor& clean,
                                 DenoisingRow& row, Remarks& remarks, const ChannelOrigin& origin) const {
  const Tensor variance = find_noise(name, z, clean, row, remarks, origin);
  std::optional<double> weight = row.lambda;
  if (!weight && options_.lambda) weight = options_.lambda->number * origin.weight;
  Meter meter(name, !options_.quiet && remarks.printed_at_once(), is_terminal(STDERR_FILENO));
  const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  return denoiser_(z, watch, weight, variance);
}

bool PictureDenoising::write(const DenoisingJob& job, const GreyInput& read, Raster result,
                             const Denoised& last, const DenoisingRow& last_row, Remarks& remarks) const {
  if (job.denoised.empty() && !options_.to_standard_output) return true;
  const PictureFormat format = result_format_of(options_, job, read);
  PngText text = provenance(last, last_row);
  if (format == PictureFormat::png && !(read.of_levels || options_.size > 0))
    text["Primal range"] = fmt::format("{}:{}", read.levels.low, read.levels.high);
  result = fitted(std::move(result), format, read.levels.low, read.levels.high, job.input.str());
  const std::vector<uint8_t> bytes = encode_raster(result, format, text);
  if (options_.to_standard_output) write_standard_output(bytes);
  if (job.denoised.empty()) return true;
  if (options_.overwrite) {
    write_file_atomically(job.denoised, bytes);
    return true;
  }
  if (write_new_file(job.denoised, bytes)) return true;
  if (!options_.skip_existing)
    throw IoError(
        "[output] {} exists now: another process has written it since this one began, and it is "
        "left as it is; with --skip-existing several processes may work on one folder",
        job.denoised.string());
  remarks.add("{}: another process has written it in the meantime; it is left as it is\n",
              job.denoised.string());
  return false;
}

void PictureDenoising::write_page_files(const DenoisingJob& job, const Page& page, DenoisingRow& row) const {
  if (!job.map.empty()) {
    write_map(job.map, page.result.lambda, parse_map_format(options_.map_format), options_.figures);
    row.map = job.map;
  }
  if (!job.compare.empty()) {
    options_.figures.write(job.compare, comparison(page.clean, page.z, page.result, row));
    row.compare = job.compare;
  }
}

// How the result came about, for its text chunks.
PngText PictureDenoising::provenance(const Denoised& result, const DenoisingRow& row) const {
  PngText text = settings_text(
      options_, options_.range.empty() ? denoiser_.config().data.range : options_.range, noise_kind_);
  if (!denoiser_.is_autoencoder()) {
    text["Primal iterations"] = fmt::format("{}", result.iterations);
    text["Primal boundary"] = name_of(denoiser_.boundary());
  }
  if (options_.lambda)
    text["Primal lambda"] = fmt::format("{}", row.lambda.value_or(options_.lambda->number));
  if (row.lambda)
    text["Primal lambda rule"] = fmt::format("{}, noise of deviation {}", name_of(row.rule), *row.sigma);
  if (row.is_refined) {
    text["Primal map"] = options_.sigma ? fmt::format("refined for noise of deviation {}", *options_.sigma)
                                        : std::string("refined for the noise found");
  }
  if (!row.colour.empty()) text["Primal colour"] = row.colour;
  if (!options_.lambda) {
    text["Primal model"] = latin_text(denoiser_.model_file_name());
    text["Primal model CRC-32"] = denoiser_.checksum();
  }
  return text;
}

// lambda by the rule, from the noise that was given or found.
void PictureDenoising::choose(const Tensor& z, const Tensor& clean, DenoisingRow& row,
                              const ChannelOrigin& origin) const {
  row.rule = options_.lambda->rule;
  row.sigma = options_.sigma ? *options_.sigma * origin.noise.scale : row.noise.estimate->sigma;
  const LambdaChoiceParams params = denoiser_.choice_params(options_.seed);
  const DeviceTurn mine = denoiser_.turn();
  const Tensor there = z.to(denoiser_.device());
  const LambdaChoice choice = row.rule == LambdaRule::sure ? lambda_by_risk(there, *row.sigma, params)
                                                           : lambda_by_discrepancy(there, *row.sigma, params);
  row.lambda = choice.lambda;
  row.at_the_edge = choice.at_the_edge;
  if (options_.draws_risk && !choice.points.empty())
    row.figure = lambda_figure(choice, *row.sigma, there, clean, params);
}

}  // namespace primal
