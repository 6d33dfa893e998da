#include "apps/pictures/denoising_input.h"

#include <algorithm>

#include "apps/scores/scores.h"
#include "data/noise_estimate/noise_estimate.h"
#include "tensor/error.h"

namespace primal {
namespace {

Remark::Kind kind_of(Loss::What what) {
  switch (what) {
    case Loss::What::alpha:
      return Remark::Kind::alpha;
    case Loss::What::profile:
      return Remark::Kind::profile;
    case Loss::What::description:
      return Remark::Kind::description;
    case Loss::What::gamma:
      break;
  }
  return Remark::Kind::gamma;
}

}  // namespace

PictureFormat result_format_of(const PictureDenoisingOptions& options, const DenoisingJob& job,
                               const GreyInput& read) {
  if (!options.format.empty()) return parse_picture_format(options.format);
  const std::optional<PictureFormat> named = format_of_name(job.denoised);
  return named ? *named : result_format(read.raster.format);
}

// What would fail after the work is refused before it.
void DenoisingReader::check_pages(const DenoisingJob& job, const GreyInput& read, Remarks& remarks) const {
  if (!job.denoised.empty() || options_.to_standard_output) {
    const Raster outline = read.outline();
    const PictureFormat format = result_format_of(options_, job, read);
    check_fits(outline, format, job.input.str());
    for (const Loss& loss : lost_in(outline, format))
      remarks.add(kind_of(loss.what), "note: {}: {}\n", job.input.str(), loss.remark);
  }
  if (job.denoised.extension() == ".pgm" && read.n_planes == 3) {
    throw DataError("[denoise] {} is in colour, and a .pgm file is grey: give -o {}, or --colour grey",
                    job.input.str(), std::filesystem::path(job.denoised).replace_extension(".ppm").string());
  }
  if (!job.map.empty() || !job.compare.empty()) {
    if (read.n_pages() > 1)
      throw DataError("[denoise] {} has {} pages: --map and --compare are for files of one", job.input.str(),
                      read.n_pages());
  }
}

void DenoisingReader::add_remarks(const PictureInput& input, const GreyInput& grey, Remarks& remarks) const {
  using Kind = Remark::Kind;
  if (!grey.small_range.empty() && range_.kind == LevelRange::Kind::full)
    remarks.add(Kind::range, "note: {}\n", grey.small_range);
  if (grey.was_colour && grey.n_planes == 1)
    remarks.add(Kind::grey, "{} is in colour: it is converted to grey (ITU-R 601)\n", input.str());
  for (const std::string& fault : grey.raster.remarks) remarks.add("{}: {}\n", input.str(), fault);
  if (options_.size > 0 && grey.raster.had_alpha)
    remarks.add(Kind::alpha, "{} has transparency: it is left out, as --size makes another picture\n",
                input.str());
}

GreyInput DenoisingReader::read_one(const PictureInput& input, Remarks& remarks) const {
  GreyInput grey =
      keeps_colour_ ? read_colour(input, options_.size, range_) : read_grey(input, options_.size, range_);
  add_remarks(input, grey, remarks);
  return grey;
}

GreyInput DenoisingReader::clean_of(const DenoisingJob& job, const GreyInput& read, Remarks& remarks) const {
  const Raster& noisy = read.raster;
  GreyInput clean_read = read_clean(*job.clean, job.input, read, range_, options_.size, keeps_colour_);
  add_remarks(*job.clean, clean_read, remarks);
  const Raster& clean = clean_read.raster;
  if (clean.width != noisy.width || clean.height != noisy.height) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, but its clean picture {} has {} x {}: expected the same size; "
        "--size S makes both S x S",
        job.input.str(), noisy.width, noisy.height, job.clean->str(), clean.width, clean.height);
  }
  if (clean_read.n_planes != read.n_planes) {
    throw DataError(
        "[denoise] only one of {} and its clean picture {} is in colour: --colour grey makes both grey",
        job.input.str(), job.clean->str());
  }
  if (clean.pages != noisy.pages) {
    throw DataError("[denoise] {} has {}, but its clean picture {} has {}: expected as many", job.input.str(),
                    pages_text(noisy.pages), job.clean->str(), pages_text(clean.pages));
  }
  return clean_read;
}

DenoisingInput DenoisingReader::operator()(const DenoisingJob& job, Remarks& remarks) const {
  DenoisingInput read{read_one(job.input, remarks), {}};
  const Raster& raster = read.picture.raster;
  check_pages(job, read.picture, remarks);
  if (options_.best && read.picture.n_planes > 1) {
    throw DataError("[denoise] --best is for grey pictures, {} is in colour: --colour grey makes it grey",
                    job.input.str());
  }
  if (options_.is_scored()) check_scorable(raster.width, raster.height, job.input.str());
  if (options_.has_rule() && !options_.sigma && std::min(raster.width, raster.height) < kMinNoiseSide) {
    throw DataError(
        "[denoise] {} has {} x {} pixels, the estimate of its noise needs {} x {} at least: give its "
        "deviation with --sigma S, or --lambda a number",
        job.input.str(), raster.width, raster.height, kMinNoiseSide, kMinNoiseSide);
  }
  if (job.clean) read.clean = clean_of(job, read.picture, remarks);
  return read;
}

// JPEG and WebP hold about twenty pixels of a photograph in a byte, the others about one; an image has 16
// bits for each, and its file, the image and the raster are there at once.
int64_t bytes_to_read(const DenoisingJob& job) {
  if (job.input.is_stdin()) return 0;
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(job.input.file, error));
  if (error) return 0;
  const std::optional<PictureFormat> format = format_of_name(job.input.file);
  const bool is_lossy = format == PictureFormat::jpeg || format == PictureFormat::webp;
  return (is_lossy ? 40 : 8) * std::max<int64_t>(bytes, 0);
}

}  // namespace primal
