#include "data/image/webp/webp.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <utility>
#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "data/image/codec.h"
#include "data/image/exif_density.h"
#include "data/image/orientation.h"
#include "data/image/raster/extent.h"
#include "data/image/raster/upright.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr double kPixelsPerByte = 4096.0;
constexpr uint64_t kAlwaysPixels = uint64_t{1} << 20;

const char* reason_of(VP8StatusCode status) {
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

using Mux = std::unique_ptr<WebPMux, void (*)(WebPMux*)>;

// The colours of RGBA to the front, the alpha to a vector of its own.
void take_alpha(Raster& raster) {
  const size_t pixels = raster.samples.size() / 4;
  raster.alpha.resize(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    raster.alpha[i] = raster.samples[4 * i + 3];
    for (size_t c = 0; c < 3; ++c) raster.samples[3 * i + c] = raster.samples[4 * i + c];  // reads stay ahead
  }
  raster.samples.resize(3 * pixels);
}

size_t little_u32(std::span<const uint8_t> bytes, size_t at) {
  return bytes[at] | size_t{bytes[at + 1]} << 8 | size_t{bytes[at + 2]} << 16 | size_t{bytes[at + 3]} << 24;
}

// What a file holds beside its pixels; null where it does not.
struct Chunks {
  std::span<const uint8_t> profile = {}, exif = {}, xmp = {};
};

// The first chunk of each kind whose flag is set, as the demuxer of libwebp has it, on which Pillow stands.
// WebPMux reads nothing of a file with a chunk too many or a flag too few.
//
//   file    "RIFF", u32 number of bytes that follow, "WEBP", chunks (RFC 9649, 2.3 to 2.7; little endian)
//   chunk   four letters, u32 number of bytes, these, and a zero where the number is odd
//   VP8X    the first chunk of a file that has others than its pixels; its first byte holds the flags
Chunks chunks_of(std::span<const uint8_t> bytes) {
  constexpr size_t kFileHeader = 12, kChunkHeader = 8;
  Chunks found;
  if (bytes.size() < kFileHeader) return found;
  const std::span<const uint8_t> file =
      bytes.first(std::min(bytes.size(), kChunkHeader + little_u32(bytes, 4)));
  uint8_t flags = 0;
  for (size_t at = kFileHeader; at < file.size() && file.size() - at >= kChunkHeader;) {
    const std::string_view kind = text_of(file.subspan(at, 4));
    const size_t size = little_u32(file, at + 4);
    std::span<const uint8_t> data = file.subspan(at + kChunkHeader);
    if (size > data.size()) break;
    data = data.first(size);
    if (at == kFileHeader) {
      if (kind != "VP8X" || size == 0) break;
      flags = data[0];
    }
    const auto take = [&](std::span<const uint8_t>& to, std::string_view name, WebPFeatureFlags flag) {
      if (kind == name && (flags & flag) != 0 && to.data() == nullptr) to = data;
    };
    take(found.profile, "ICCP", ICCP_FLAG);
    take(found.exif, "EXIF", EXIF_FLAG);
    take(found.xmp, "XMP ", XMP_FLAG);
    at += kChunkHeader + size + size % 2;
  }
  return found;
}

int stated_orientation(const Chunks& chunks) {
  OrientationFinder finder;
  if (chunks.exif.data() != nullptr) finder.add_exif(chunks.exif);
  if (chunks.xmp.data() != nullptr) finder.add_xmp(text_of(chunks.xmp));
  return finder.orientation();
}

// Without loss, also of colours that are transparent. `samples`: RGB or RGBA.
std::vector<uint8_t> packed(const std::vector<uint8_t>& samples, int width, int height, bool has_alpha) {
  constexpr float kQuality = 70.0f;  // how hard is tried, as in WebPEncodeLosslessRGB
  WebPConfig config;
  WebPPicture picture;
  if (WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, kQuality) == 0 || WebPPictureInit(&picture) == 0)
    throw DeviceError("[webp] the libwebp that is here is another than at build time");
  config.lossless = 1;
  config.exact = 1;
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.use_argb = 1;
  picture.width = width;
  picture.height = height;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const bool done = (has_alpha ? WebPPictureImportRGBA(&picture, samples.data(), 4 * width)
                               : WebPPictureImportRGB(&picture, samples.data(), 3 * width)) != 0 &&
                    WebPEncode(&config, &picture) != 0;
  WebPPictureFree(&picture);
  const std::unique_ptr<WebPMemoryWriter, void (*)(WebPMemoryWriter*)> hold(&writer, WebPMemoryWriterClear);
  if (!done) throw DeviceError("[webp] cannot encode {} x {} pixels: no memory", width, height);
  return {writer.mem, writer.mem + writer.size};
}

// A file with the profile around the picture of another.
std::vector<uint8_t> with_profile(std::span<const uint8_t> picture, const std::vector<uint8_t>& profile) {
  const WebPData image{picture.data(), picture.size()}, chunk{profile.data(), profile.size()};
  const Mux mux(WebPMuxNew(), WebPMuxDelete);
  WebPData file{};
  const bool done = mux != nullptr && WebPMuxSetImage(mux.get(), &image, 0) == WEBP_MUX_OK &&
                    WebPMuxSetChunk(mux.get(), "ICCP", &chunk, 0) == WEBP_MUX_OK &&
                    WebPMuxAssemble(mux.get(), &file) == WEBP_MUX_OK;
  const std::unique_ptr<WebPData, void (*)(WebPData*)> hold(&file, WebPDataClear);
  if (!done)
    throw DeviceError("[webp] cannot encode a colour profile of {} bytes: no memory", profile.size());
  return {file.bytes, file.bytes + file.size};
}

}  // namespace

Raster decode_webp(std::span<const uint8_t> bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK)
    throw DataError("[webp] {} ({} bytes): {}", name, bytes.size(), reason_of(status));
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
  const uint64_t samples = raster.had_alpha ? 4 : 3;  // of a pixel
  raster.samples.resize(samples * width * height);
  WebPDecoderConfig config;
  WebPInitDecoderConfig(&config);
  config.output.colorspace = raster.had_alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {raster.samples.data(), static_cast<int>(samples * width), raster.samples.size()};
  const VP8StatusCode decoded = WebPDecode(bytes.data(), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (decoded != VP8_STATUS_OK)
    throw DataError("[webp] {} ({} bytes): {}", name, bytes.size(), reason_of(decoded));
  if (raster.had_alpha) take_alpha(raster);
  const Chunks chunks = chunks_of(bytes);
  take_profile(raster.meaning, chunks.profile, raster.channels, raster.remarks);
  raster.density = exif_density(chunks.exif);
  return upright(std::move(raster), stated_orientation(chunks));
}

std::vector<uint8_t> encode_webp(const Raster& raster) {
  if (raster.width > WEBP_MAX_DIMENSION || raster.height > WEBP_MAX_DIMENSION)
    throw ConfigError("[webp] {} x {} pixels: WebP holds at most {} a side", raster.width, raster.height,
                      WEBP_MAX_DIMENSION);
  const bool has_alpha = !raster.alpha.empty();
  const auto pixels = static_cast<size_t>(raster.width * raster.height),
             samples = size_t{has_alpha ? 4u : 3u}, step = static_cast<size_t>(raster.channels);
  std::vector<uint8_t> colours(samples * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) colours[samples * i + c] = raster.samples[i * step + c % step];
    if (has_alpha) colours[samples * i + 3] = raster.alpha[i];
  }
  std::vector<uint8_t> out =
      packed(colours, static_cast<int>(raster.width), static_cast<int>(raster.height), has_alpha);
  return raster.meaning.profile.empty() ? out : with_profile(out, raster.meaning.profile);
}

}  // namespace primal::codec
