#include "data/image/webp/webp.h"

#include <fmt/format.h>
#include <memory>
#include <webp/decode.h>
#include <webp/encode.h>

#include "data/image/raster/extent.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr double kPixelsPerByte = 4096.0;
constexpr uint64_t kAlwaysPixels = uint64_t{1} << 20;

const char* text_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "no memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a feature that libwebp does not know";
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "truncated, it ends inside the picture; copy it again";
    default:
      return "corrupt";
  }
}

}  // namespace

Raster decode_webp(std::span<const uint8_t> bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK)
    throw DataError("[webp] {} ({} bytes): {}", name, bytes.size(), text_of(status));
  if (features.has_animation != 0)
    throw DataError(
        "[webp] {} is an animation, expected one picture: take its frames out, for example with: anim_dump "
        "{}",
        name, name);
  const auto width = static_cast<uint64_t>(features.width), height = static_cast<uint64_t>(features.height);
  check_volume(name, "webp", {1, width, height, width * height > kAlwaysPixels ? 1u : 0u}, bytes.size(),
               kPixelsPerByte);
  Raster raster{.format = PictureFormat::webp,
                .width = features.width,
                .height = features.height,
                .channels = 3,
                .type = SampleType::u8,
                .white = 255.0,
                .had_alpha = features.has_alpha != 0};
  allocate(raster);
  WebPDecoderConfig config;
  WebPInitDecoderConfig(&config);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {raster.samples.data(), static_cast<int>(3 * width), raster.samples.size()};
  const VP8StatusCode decoded = WebPDecode(bytes.data(), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (decoded != VP8_STATUS_OK)
    throw DataError("[webp] {} ({} bytes): {}", name, bytes.size(), text_of(decoded));
  return raster;
}

std::vector<uint8_t> encode_webp(const Raster& raster) {
  if (raster.width > WEBP_MAX_DIMENSION || raster.height > WEBP_MAX_DIMENSION)
    throw ConfigError("[webp] {} x {} pixels: WebP holds at most {} a side", raster.width, raster.height,
                      WEBP_MAX_DIMENSION);
  std::vector<uint8_t> rgb(3 * static_cast<size_t>(raster.width * raster.height));
  const auto step = static_cast<size_t>(raster.channels);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = raster.samples[i / 3 * step + i % 3 % step];
  uint8_t* out = nullptr;
  const size_t n =
      WebPEncodeLosslessRGB(rgb.data(), static_cast<int>(raster.width), static_cast<int>(raster.height),
                            static_cast<int>(3 * raster.width), &out);
  const std::unique_ptr<uint8_t, void (*)(void*)> hold(out, WebPFree);
  if (n == 0)
    throw DeviceError("[webp] cannot encode {} x {} pixels: no memory", raster.width, raster.height);
  return {out, out + n};
}

}  // namespace primal::codec
