#include "data/preprocess/level_range.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <limits>

#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int kMostLevel = 65535;

// The largest level of data of so many bits as `largest` needs, 8 at least.
int top_of_bits(int largest) {
  return (1 << std::max(static_cast<int>(std::bit_width(static_cast<unsigned>(largest))), 8)) - 1;
}

bool is_all(const Levels& levels, int max_level) { return levels.low == 0.0 && levels.high == max_level; }

void check_reach(const LevelRange& range, double white, int bits, const std::string& name) {
  if (range.low >= 0.0 && range.high <= white) return;
  throw DataError("[range] {} has {} bit, levels 0 to {}: --range {}:{} reaches beyond", name, bits, white,
                  range.low, range.high);
}

}  // namespace

LevelRange parse_level_range(const std::string& text) {
  if (text == "full") return {};
  if (text == "auto") return {.kind = LevelRange::Kind::automatic};
  LevelRange range{.kind = LevelRange::Kind::given};
  int end = 0;
  const int found = std::sscanf(text.c_str(), "%lf:%lf%n", &range.low, &range.high, &end);
  if (found != 2 || static_cast<size_t>(end) != text.size() || !(range.low < range.high) ||
      !std::isfinite(range.low) || !std::isfinite(range.high)) {
    throw ConfigError("[range] expected full, auto or LO:HI with LO < HI, found '{}'", text);
  }
  return range;
}

Levels all_levels(const Image& image) { return {0.0, static_cast<double>(image.max_level())}; }

Levels levels_of(const Image& image, const LevelRange& range, const std::string& name) {
  switch (range.kind) {
    case LevelRange::Kind::full:
      return all_levels(image);
    case LevelRange::Kind::automatic:
      return {0.0, static_cast<double>(top_of_bits(*std::ranges::max_element(image.levels)))};
    case LevelRange::Kind::given:
      check_reach(range, image.max_level(), image.bit_depth, name);
  }
  return {range.low, range.high};
}

Levels levels_of(const Raster& raster, const LevelRange& range, const std::string& name) {
  const ValueRange natural = natural_range(raster, name);  // finds a NaN whatever the range
  if (range.kind == LevelRange::Kind::given) {
    if (raster.white > 0.0)
      check_reach(range, raster.white, static_cast<int>(8 * bytes_of(raster.type)), name);
    return {range.low, range.high};
  }
  if (range.kind == LevelRange::Kind::automatic && raster.white > 0.0)
    return {0.0, static_cast<double>(top_of_bits(static_cast<int>(value_range(raster, name).high)))};
  return {natural.low, natural.high};
}

Tensor to_unit(const Raster& grey, int64_t page, const Levels& levels) {
  const Tensor x = Tensor::empty({1, 1, 1, grey.height, grey.width});
  const double low = levels.low, width = levels.high - levels.low;
  dispatch_sample(grey.type, [&]<class T>() {
    std::ranges::transform(grey.page<T>(page), x.data<float>(), [&](T sample) {
      return static_cast<float>((grey.slope * value_of(sample) + grey.offset - low) / width);
    });
  });
  return x;
}

void set_from_unit(Raster& grey, int64_t page, const Tensor& x, const Levels& levels) {
  const Tensor values = x.to(DType::f64);
  const double low = levels.low, width = levels.high - levels.low;
  // Levels end at white, which a PGM may have below what its type holds.
  const double most = grey.white > 0.0 ? grey.white : std::numeric_limits<double>::max();
  dispatch_sample(grey.type, [&]<class T>() {
    std::ranges::transform(values.span<double>(), grey.page<T>(page).begin(), [&](double value) {
      return sample_of<T>(std::min((low + value * width - grey.offset) / grey.slope, most));
    });
  });
}

LevelRange same_range(const LevelRange& range, const Levels& levels, bool of_levels) {
  if (range.kind == LevelRange::Kind::full && of_levels) return range;
  return {LevelRange::Kind::given, levels.low, levels.high};
}

Tensor to_unit(const Image& grey, const Levels& levels) {
  const Tensor x = to_tensor(grey);
  if (is_all(levels, grey.max_level())) return x;
  const auto low = static_cast<float>(levels.low), width = static_cast<float>(levels.high - levels.low);
  std::ranges::transform(grey.levels, x.data<float>(),
                         [=](uint16_t level) { return (static_cast<float>(level) - low) / width; });
  return x;
}

Image from_unit(const Tensor& x, const Levels& levels, int bit_depth) {
  const double top = bit_depth == 8 ? 255.0 : 65535.0;
  if (is_all(levels, static_cast<int>(top))) return to_image(x, bit_depth);
  const Tensor scaled = x.to(DType::f64).clone();
  for (double& value : scaled.span<double>()) value = (levels.low + value * (levels.high - levels.low)) / top;
  return to_image(scaled, bit_depth);
}

Image stretched(const Image& image, const Levels& levels) {
  if (is_all(levels, image.max_level())) return image;
  Image result = image;
  const double scale = static_cast<double>(image.max_level()) / (levels.high - levels.low);
  for (uint16_t& level : result.levels) {
    const double value =
        std::clamp((level - levels.low) * scale, 0.0, static_cast<double>(image.max_level()));
    level = static_cast<uint16_t>(std::lround(value));
  }
  return result;
}

std::string small_range_remark(const std::string& name, int bit_depth, int largest_level) {
  if (bit_depth != 16 || largest_level == 0 || largest_level > kMostLevel / 4) return "";
  return fmt::format(
      "{} uses {:.2g} % of the range of its 16 bit: if its levels are data of fewer bits, give --range 0:{} "
      "or --range auto",
      name, 100.0 * largest_level / kMostLevel, top_of_bits(largest_level));
}

}  // namespace primal
