// The samples of the pictures that a command line names, in grey or as planes of their colours.
#include <fmt/format.h>
#include <functional>

#include "apps/pictures/common_scale.h"
#include "apps/pictures/inputs.h"
#include "apps/training/batches.h"
#include "data/file/file.h"
#include "data/image/raster/alpha.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

Raster read_input_raster(const PictureInput& input) {
  if (!input.is_stdin()) return read_raster(input.file);
  return decode_raster(input.bytes ? *input.bytes : read_standard_input(), input.str());
}

bool has_scale(PictureFormat format) {
  return format == PictureFormat::dicom || format == PictureFormat::nifti ||
         format == PictureFormat::nifti_gz;
}

// Each page cropped and resized as levels of 8 or 16 bit. Values in units of their own keep them if the
// format has a scale: it says which value a level is.
Raster resized(const Raster& raster, int64_t size, const Levels& levels) {
  Raster result;
  for (int64_t p = 0; p < raster.pages; ++p) {
    const Image page = preprocess(levels_of_page(raster, p, levels.low, levels.high), size);
    Raster one = raster_of(page, raster.format);
    if (p == 0)
      result = std::move(one);
    else
      result.samples.insert(result.samples.end(), one.samples.begin(), one.samples.end());
  }
  result.pages = raster.pages;
  if (raster.white == 0.0 && has_scale(raster.format)) {
    result.slope = (levels.high - levels.low) / result.white;
    result.offset = levels.low;
    result.white = 0.0;
  }
  // Whose picture it is stays true of another number of pixels.
  if (std::holds_alternative<DicomOrigin>(raster.origin)) result.origin = raster.origin;
  result.meaning = raster.meaning;
  result.density = {};  // another number of pixels has another
  result.remarks = raster.remarks;
  result.had_alpha = raster.had_alpha;
  return result;
}

using RangeOf = std::function<LevelRange(const Raster&)>;

GreyInput read_planes(const PictureInput& input, int64_t size, const RangeOf& range_of, bool keep_colour) {
  Raster raster = read_input_raster(input);
  const LevelRange range = range_of(raster);
  GreyInput read;
  read.was_colour = has_colour(raster);
  read.of_levels = raster.white > 0.0;
  read.file_type = raster.type;
  read.file_channels = raster.channels;
  read.file_slope = raster.slope;
  read.file_offset = raster.offset;
  read.file_white = raster.white;
  if (raster.had_alpha) read.file_alpha = raster.alpha_is_associated ? "associated" : "unassociated";
  read.levels = read.file_levels = levels_of(raster, range, input.str());
  if (range.kind == LevelRange::Kind::given) read.file_mean_magnitude = mean_magnitude(raster);
  if (raster.type == SampleType::u16 && raster.white == usual_white(raster.type))
    read.small_range =
        small_range_remark(input.str(), 16, static_cast<int>(value_range(raster, input.str()).high));
  // Another number of pixels gets no transparency, so the colours have to stand without it.
  if (size > 0) raster = with_straight_colours(std::move(raster));
  if (keep_colour && read.was_colour) {
    read.n_planes = raster.channels;
    raster = planes(raster);
  }
  if (size > 0) {
    read.raster = resized(raster, size, read.levels);
    if (read.raster.white > 0.0) read.levels = {0.0, read.raster.white};
  } else {
    read.raster = grey(std::move(raster));
  }
  return read;
}

RangeOf always(const LevelRange& range) {
  return [&range](const Raster&) { return range; };
}

ScaledPicture scaled(const PictureInput& input, const GreyInput& read) {
  return {input.str(), read.file_type, read.file_white, read.file_mean_magnitude};
}

}  // namespace

GreyInput read_grey(const PictureInput& input, int64_t size, const LevelRange& range) {
  return read_planes(input, size, always(range), false);
}

GreyInput read_colour(const PictureInput& input, int64_t size, const LevelRange& range) {
  return read_planes(input, size, always(range), true);
}

GreyInput read_clean(const PictureInput& clean, const PictureInput& noisy, const GreyInput& noisy_read,
                     const LevelRange& range, int64_t size, bool keep_colour) {
  const ScaledPicture other = scaled(noisy, noisy_read);
  // Before its values are put into a range that may not be one for them.
  const RangeOf range_of = [&](const Raster& raster) {
    return range_of_clean(range, other, noisy_read.file_levels, {clean.str(), raster.type, raster.white});
  };
  GreyInput read = read_planes(clean, size, range_of, keep_colour);
  check_common_unit(range, other, scaled(clean, read));
  return read;
}

Tensor GreyInput::planes(int64_t page) const {
  std::vector<Tensor> all;
  for (int64_t i = 0; i < n_planes; ++i) all.push_back(tensor(page * n_planes + i));
  return stacked(all);
}

Raster GreyInput::outline() const {
  Raster outline = raster;
  outline.samples.clear();
  outline.pages = n_pages();
  outline.channels = n_planes;
  return outline;
}

std::string pages_text(int64_t n) { return fmt::format("{} page{}", n, n == 1 ? "" : "s"); }

void check_one_page(const GreyInput& read, const std::string& name, const char* who) {
  if (read.raster.pages > 1)
    throw DataError("[{}] {} has {} pages, expected one picture", who, name, read.raster.pages);
}

}  // namespace primal
