// How a raster becomes what another format holds.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "data/formats/formats.h"
#include "data/image/dicom/dicom.h"
#include "data/image/npy/npy.h"
#include "data/image/raster/alpha.h"
#include "tensor/error.h"

namespace primal {
namespace {

bool is_nifti(PictureFormat format) {
  return format == PictureFormat::nifti || format == PictureFormat::nifti_gz;
}
bool is_numpy(PictureFormat format) { return format == PictureFormat::npy || format == PictureFormat::npz; }

// As many levels as some number of bits has.
bool fills_its_bits(const Raster& raster) {
  const auto white = static_cast<uint32_t>(raster.white);
  return (white & (white + 1)) == 0;
}

void check_dicom(const Raster& raster, const std::string& name) {
  if (is_float(raster.type))
    throw DataError("[format] {} has {} samples, DICOM holds integers: give --format tiff, npy or nii", name,
                    name_of(raster.type));
  if (raster.format != PictureFormat::dicom && codec::secondary_capture_class(raster) == nullptr)
    throw DataError(
        "[format] {} has {} pages of {} values, DICOM holds several as levels of 8 or 16 bits without a sign "
        "or as colours of 8 bits: give --format tiff, npy or nii",
        name, raster.pages, name_of(raster.type));
}

bool has_levels(const Raster& raster) {
  return holds(PictureFormat::png, raster.type) && !raster.is_rescaled() && raster.white > 0.0;
}

// What a file of one format says besides its samples holds for another of the same family.
bool keeps_origin(const Raster& raster, PictureFormat format) {
  return format == raster.format || (is_nifti(format) && is_nifti(raster.format)) ||
         (is_numpy(format) && is_numpy(raster.format));
}

// A scale may lead out of what float32 holds: to values that would all become its largest number, or zero.
void check_floats(const Raster& raster, PictureFormat format, const std::string& name) {
  using Float = std::numeric_limits<float>;
  double largest = 0.0;
  dispatch_sample(raster.type, [&]<class From>() {
    for (int64_t p = 0; p < raster.pages; ++p) {
      for (const From sample : raster.page<From>(p))
        largest = std::max(largest, std::abs(raster.slope * value_of(sample) + raster.offset));
    }
  });
  if (largest == 0.0 || (largest >= Float::min() && largest <= Float::max())) return;
  throw DataError(
      "[format] {} has values up to {:g}, with a slope of {:g}: {} holds them as float32, {:g} to {:g} at "
      "most; give --format {}",
      name, largest, raster.slope, name_of(format), Float::min(), Float::max(), name_of(raster.format));
}

// The values as float32, without a scale.
Raster with_floats(const Raster& raster, PictureFormat format, const std::string& name) {
  check_floats(raster, format, name);
  Raster result = raster;
  result.type = SampleType::f32;
  result.white = 0.0;
  result.slope = 1.0;
  result.offset = 0.0;
  allocate(result);
  dispatch_sample(raster.type, [&]<class From>() {
    for (int64_t p = 0; p < raster.pages; ++p) {
      std::ranges::transform(raster.page<From>(p), result.page<float>(p).begin(), [&](From sample) {
        return sample_of<float>(raster.slope * value_of(sample) + raster.offset);
      });
    }
  });
  return result;
}

// The levels of a page as a raster of the format, with what the file says besides.
Raster with_levels(const Raster& raster, PictureFormat format, double low, double high) {
  Raster result = raster_of(levels_of_page(raster, 0, low, high), format);
  result.alpha = alpha_as(result.type, raster.type, raster.alpha);
  result.meaning = raster.meaning;
  return result;
}

// Without what the format does not hold.
Raster without_lost(Raster raster, PictureFormat format) {
  if (!holds_extras(format)) raster.alpha.clear();
  if (raster.alpha.empty()) raster.alpha_is_associated = false;
  if (!holds_extras(format) || !fits_channels(raster.meaning.profile, raster.channels))
    raster.meaning.profile.clear();
  leave_out_untrue_descriptions(raster);
  if (format == PictureFormat::tiff) return raster;
  return with_straight_colours(std::move(raster));
}

}  // namespace

std::vector<Loss> lost_in(const Raster& raster, PictureFormat format) {
  std::vector<Loss> lost;
  const auto add = [&](Loss::What what, const char* subject) {
    lost.push_back({what, fmt::format("{} left out: {} holds none", subject, name_of(format))});
  };
  const ColourMeaning& meaning = raster.meaning;
  if (!raster.alpha.empty() && !holds_extras(format)) add(Loss::What::alpha, "its transparency is");
  if (!meaning.profile.empty() && !holds_extras(format))
    add(Loss::What::profile, "its colour profile is");
  else if (!meaning.profile.empty() && !fits_channels(meaning.profile, raster.channels))
    lost.push_back(
        {Loss::What::profile, "its colour profile is left out: it is for RGB, and the result is grey"});
  if ((meaning.gamma || meaning.chromaticities) && format != PictureFormat::png)
    add(Loss::What::gamma, "its gamma and chromaticities are");
  if (format == PictureFormat::tiff && has_untrue_descriptions(raster)) {
    const int channels = std::get<TiffOrigin>(raster.origin).described_channels;
    lost.push_back(
        {Loss::What::description,
         channels != raster.channels
             ? "its description is left out: it is for RGB, and the result is grey"
             : "its description is left out: it says how samples lie, and in the result they lie otherwise"});
  }
  return lost;
}

void check_fits(const Raster& raster, PictureFormat format, const std::string& name) {
  check_library(format, "");
  if (raster.pages > 1 && !holds_pages(format))
    throw DataError("[format] {} has {} pages, {} holds one: give --format tiff, npy or nii", name,
                    raster.pages, name_of(format));
  if (raster.channels > 1 && is_nifti(format))
    throw DataError(
        "[format] {} is in colour, which {} does not hold: give --format png, tiff or npy, or --colour grey",
        name, name_of(format));
  if (is_numpy(format)) codec::check_array(raster, name);
  if (format == PictureFormat::webp && !(raster.type == SampleType::u8 && has_levels(raster)))
    throw DataError("[format] {} has {} samples, WebP holds 8 bits: give --format png or another", name,
                    name_of(raster.type));
  if (format == PictureFormat::dicom) check_dicom(raster, name);
}

Raster fitted(Raster raster, PictureFormat format, double low, double high, const std::string& name) {
  check_fits(raster, format, name);
  raster = without_lost(std::move(raster), format);
  const bool of_levels =
      format == PictureFormat::png || format == PictureFormat::pnm || format == PictureFormat::webp;
  if (of_levels && !has_levels(raster)) return with_levels(raster, format, low, high);
  // The white of PNG and WebP is that of their bits.
  if (of_levels && format != PictureFormat::pnm && raster.white != usual_white(raster.type))
    return with_levels(raster, format, 0.0, raster.white);
  if (format == PictureFormat::dicom && has_levels(raster) && !fills_its_bits(raster))
    return with_levels(raster, format, 0.0, raster.white);
  if (!keeps_origin(raster, format)) {
    raster.origin = std::monostate{};
    const bool has_scale = is_nifti(format) || format == PictureFormat::dicom;
    if ((raster.is_rescaled() && !has_scale) || !holds(format, raster.type))
      raster = with_floats(raster, format, name);
  }
  raster.format = format;
  return raster;
}

}  // namespace primal
