#include "data/image/raster/raster.h"

#include <cstring>
#include <fmt/format.h>
#include <string_view>

#include "tensor/error.h"

namespace primal {
namespace {

// Red, green and blue by ITU-R 601-2.
template <class T>
T weighed(const T* rgb) {
  if constexpr (std::is_same_v<T, uint8_t> || std::is_same_v<T, uint16_t>) {
    const uint32_t r = rgb[0], g = rgb[1], b = rgb[2];
    return static_cast<T>((19595 * r + 38470 * g + 7471 * b + (1u << 15)) >> 16);
  } else {
    return sample_of<T>((19595 * value_of(rgb[0]) + 38470 * value_of(rgb[1]) + 7471 * value_of(rgb[2])) /
                        65536);
  }
}

// Descriptions in which tifffile, ImageJ and OME say how many channels there are and how samples lie: where
// that has changed they would be wrong, and readers believe them.
bool tells_of_channels(std::string_view description) {
  for (const std::string_view start : {"{\"shape\":", "ImageJ=", "<?xml", "<OME"}) {
    if (description.starts_with(start)) return true;
  }
  return false;
}

bool is_untrue(const TiffOrigin& origin, int channels) {
  return origin.is_rearranged || (origin.described_channels != 0 && origin.described_channels != channels);
}

[[noreturn]] void refuse_value(const Raster& raster, const std::string& name, int64_t page, size_t i,
                               double value) {
  const auto pixel = static_cast<int64_t>(i) / raster.channels;
  throw DataError(
      "[image] {} has {} at page {}, row {}, column {} (counted from 0), expected finite numbers; replace it "
      "first, for example with numpy.nan_to_num",
      name, value, page, pixel / raster.width, pixel % raster.width);
}

}  // namespace

double usual_white(SampleType type) {
  return type == SampleType::u8 ? 255.0 : type == SampleType::u16 ? 65535.0 : 0.0;
}

void allocate(Raster& raster) { raster.samples.resize(raster.n_samples() * bytes_of(raster.type)); }

ValueRange value_range(const Raster& raster, const std::string& name) {
  return dispatch_sample(raster.type, [&]<class T>() {
    ValueRange range{std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
    for (int64_t p = 0; p < raster.pages; ++p) {
      const std::span<const T> samples = raster.page<T>(p);
      for (size_t i = 0; i < samples.size(); ++i) {
        const double value = raster.slope * value_of(samples[i]) + raster.offset;
        if (!std::isfinite(value)) refuse_value(raster, name, p, i, value);
        range = {std::min(range.low, value), std::max(range.high, value)};
      }
    }
    constexpr double kMost = std::numeric_limits<float>::max();
    if (std::max({range.high, -range.low, range.high - range.low}) > kMost) {
      throw DataError("[image] {} has values from {:g} to {:g}: float32 cannot hold them or their difference",
                      name, range.low, range.high);
    }
    return range;
  });
}

bool has_colour(const Raster& raster) {
  if (raster.channels != 3) return false;
  const size_t size = bytes_of(raster.type);
  for (size_t at = 0; at < raster.samples.size(); at += 3 * size) {
    const uint8_t* const rgb = raster.samples.data() + at;
    if (std::memcmp(rgb, rgb + size, size) != 0 || std::memcmp(rgb, rgb + 2 * size, size) != 0) return true;
  }
  return false;
}

bool has_colour(const Image& image) {
  const std::vector<uint16_t>& levels = image.levels;
  for (size_t i = 0; image.channels == 3 && i < levels.size(); i += 3) {
    if (levels[i] != levels[i + 1] || levels[i] != levels[i + 2]) return true;
  }
  return false;
}

bool has_untrue_descriptions(const Raster& raster) {
  const auto* origin = std::get_if<TiffOrigin>(&raster.origin);
  return origin != nullptr && is_untrue(*origin, raster.channels) &&
         std::ranges::any_of(origin->pages, tells_of_channels, &TiffOrigin::Page::description);
}

void leave_out_untrue_descriptions(Raster& raster) {
  auto* origin = std::get_if<TiffOrigin>(&raster.origin);
  if (origin == nullptr || !is_untrue(*origin, raster.channels)) return;
  for (TiffOrigin::Page& page : origin->pages) {
    if (tells_of_channels(page.description)) page.description.clear();
  }
}

Raster grey(Raster raster) {
  if (raster.channels == 1) return raster;
  dispatch_sample(raster.type, [&]<class T>() {
    T* const samples = reinterpret_cast<T*>(raster.samples.data());
    const size_t n = raster.n_samples() / 3;
    for (size_t i = 0; i < n; ++i) samples[i] = weighed(samples + 3 * i);  // reads stay ahead of writes
  });
  raster.channels = 1;
  raster.samples.resize(raster.n_samples() * bytes_of(raster.type));
  return raster;
}

Image levels_of_page(const Raster& raster, int64_t page, double low, double high) {
  Image image(raster.width, raster.height, raster.channels, raster.type == SampleType::u8 ? 8 : 16);
  const double top = image.max_level();
  dispatch_sample(raster.type, [&]<class T>() {
    std::ranges::transform(raster.page<T>(page), image.levels.begin(), [&](T sample) {
      const double value = raster.slope * value_of(sample) + raster.offset;
      return static_cast<uint16_t>(
          std::floor(std::clamp((value - low) / (high - low), 0.0, 1.0) * top + 0.5));
    });
  });
  image.density = raster.density;
  image.had_alpha = raster.had_alpha;
  image.remarks = raster.remarks;
  return image;
}

ValueRange natural_range(const Raster& raster, const std::string& name) {
  if (raster.white > 0.0) return {0.0, raster.white};
  const ValueRange range = value_range(raster, name);
  if (range.high > range.low) return range;
  const double next = range.low + 1.0;  // is the same number where that is large
  return {range.low, next > range.low ? next : range.low + std::abs(range.low)};
}

Raster raster_of(const Image& image, PictureFormat format) {
  Raster raster{.format = format,
                .width = image.width,
                .height = image.height,
                .channels = image.channels,
                .type = image.bit_depth == 8 ? SampleType::u8 : SampleType::u16,
                .white = static_cast<double>(image.max_level()),
                .had_alpha = image.had_alpha,
                .density = image.density,
                .remarks = image.remarks};
  allocate(raster);
  dispatch_sample(raster.type, [&]<class T>() {
    std::ranges::transform(image.levels, raster.page<T>(0).begin(),
                           [](uint16_t level) { return sample_of<T>(level); });
  });
  return raster;
}

Image image_of(const Raster& raster, const std::string& name) {
  if (raster.pages != 1) {
    throw DataError(
        "[image] {} has {} pages, expected one picture: `primal denoise` reads files of several pages, "
        "everything else takes one",
        name, raster.pages);
  }
  const ValueRange range = natural_range(raster, name);
  Image image = levels_of_page(raster, 0, range.low, range.high);
  if (raster.white == 0.0) {
    image.remarks.push_back(fmt::format("its {} values, {:g} to {:g}, become the levels 0 to 65535",
                                        name_of(raster.type), range.low, range.high));
  }
  return image;
}

}  // namespace primal
