#include "apps/pictures/map_file.h"

#include <algorithm>
#include <cmath>

#include "data/figure/figure.h"
#include "data/image/image.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

void write_raw(const std::filesystem::path& file, const Tensor& lambda) {
  if (lambda.size(1) != 1) {
    throw ConfigError(
        "[map] a grey PNG holds one map, but the model has {}; --map-format safetensors holds all of them",
        lambda.size(1));
  }
  const Tensor values = lambda.to(DType::f32);
  const std::span<const float> map = values.span<float>();
  const float largest = *std::ranges::max_element(map);
  const float scale = largest > 0.0f ? largest / 65535.0f : 1.0f;
  Image image(lambda.size(-1), lambda.size(-2), 1, 16);
  std::ranges::transform(map, image.levels.begin(), [scale](float value) {
    return static_cast<uint16_t>(std::lround(std::clamp(value / scale, 0.0f, 65535.0f)));
  });
  write_png(file, image,
            {{"Lambda scale", fmt::format("{}", scale)}, {"Description", "Lambda = level * Lambda scale"}});
}

Figure figure_of(const Tensor& lambda) {
  Figure figure{.rows = {{}}};
  const Tensor maps = lambda.reshape(lambda.shape().with(0, lambda.size(1)).with(1, 1));
  for (int64_t m = 0; m < maps.size(0); ++m) {
    figure.rows.front().push_back(
        {maps.size(0) > 1 ? fmt::format("Lambda {}, log scale", m) : "Lambda, log scale",
         Picture::log_map(maps.slice(m, m + 1), "Lambda")});
  }
  return figure;
}

}  // namespace

MapFormat parse_map_format(const std::string& text) {
  if (text == "figure") return MapFormat::figure;
  if (text == "raw") return MapFormat::raw;
  if (text == "safetensors") return MapFormat::safetensors;
  throw ConfigError("[map] unknown format '{}': figure, raw or safetensors", text);
}

std::string map_suffix(MapFormat format, const FigureStyle& style) {
  switch (format) {
    case MapFormat::figure:
      return "_lambda" + style.ending();
    case MapFormat::raw:
      return "_lambda.png";
    case MapFormat::safetensors:
      return "_lambda.safetensors";
  }
  return "";
}

void write_map(const std::filesystem::path& file, const Tensor& lambda, MapFormat format,
               const FigureStyle& style) {
  switch (format) {
    case MapFormat::figure:
      return style.write(file, figure_of(lambda));
    case MapFormat::raw:
      return write_raw(file, lambda);
    case MapFormat::safetensors:
      return write_safetensors(
          file,
          {{"lambda", lambda.reshape({lambda.size(1), lambda.size(2), lambda.size(3), lambda.size(4)})}},
          {{"format", "primal-map"}});
  }
}

}  // namespace primal
