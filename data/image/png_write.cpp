// PNG files of 8 or 16 bits, grey or RGB, with alpha where there is one, through libpng.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <vector>
#include <zlib.h>

#include "data/image/codec.h"
#include "data/image/png_guard.h"
#include "tensor/error.h"

namespace primal {
namespace {

using namespace codec::png;

struct Writer {
  png_structp png = nullptr;
  png_infop info = nullptr;
  Message message{};
  std::vector<uint8_t> out;

  Writer() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, no_warning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_write_struct(&png, nullptr);
      throw DeviceError("[png] no memory for a PNG writer");
    }
    png_set_write_fn(png, this, write, flush);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool append(const uint8_t* from, size_t n) noexcept {
    try {
      out.insert(out.end(), from, from + n);
      return true;
    } catch (...) {  // an exception must not pass through libpng; write() reports it the library's way
      return false;
    }
  }
  static void write(png_structp png, png_bytep from, size_t n) {
    if (!static_cast<Writer*>(png_get_io_ptr(png))->append(from, n)) png_error(png, "out of memory");
  }
  static void flush(png_structp) {}
};

// The way back: the samples of row y in the bytes of a file's row.
void fill_row(const Image& image, const std::vector<uint16_t>& alpha, int64_t y, std::vector<uint8_t>& row) {
  const uint16_t* colour = image.row(y);
  uint8_t* to = row.data();
  const auto put = [&](uint16_t level) {
    if (image.bit_depth == 8) {
      *to++ = static_cast<uint8_t>(level);
    } else {
      std::memcpy(to, &level, 2);
      to += 2;
    }
  };
  for (int64_t x = 0; x < image.width; ++x) {
    for (int c = 0; c < image.channels; ++c) put(*colour++);
    if (!alpha.empty()) put(alpha[static_cast<size_t>(y * image.width + x)]);
  }
}

struct Chunk {
  const char* type;
  std::vector<uint8_t> data;
};

std::vector<uint8_t> big_endian(std::span<const uint32_t> numbers) {
  std::vector<uint8_t> bytes;
  for (const uint32_t number : numbers) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(number >> shift));
  }
  return bytes;
}

// Name, method 0 and the deflated profile.
std::vector<uint8_t> packed_profile(const std::vector<uint8_t>& profile) {
  constexpr std::array<uint8_t, 13> kStart{'I', 'C', 'C', ' ', 'p', 'r', 'o', 'f', 'i', 'l', 'e', 0, 0};
  uLongf length = compressBound(static_cast<uLong>(profile.size()));
  std::vector<uint8_t> data(kStart.begin(), kStart.end());
  data.resize(kStart.size() + length);
  if (compress(data.data() + kStart.size(), &length, profile.data(), static_cast<uLong>(profile.size())) !=
      Z_OK)
    throw DeviceError("[png] no memory for a colour profile of {} bytes", profile.size());
  data.resize(kStart.size() + length);
  return data;
}

// As they stood in the file: libpng would judge them, and leave all of them out for a fault in one. sRGB
// beside a profile would be a second word on the same; gAMA and cHRM are for readers that know no profiles.
std::vector<Chunk> colour_chunks(const ColourMeaning& meaning) {
  std::vector<Chunk> chunks;
  if (meaning.gamma) chunks.push_back({"gAMA", big_endian({&*meaning.gamma, 1})});
  if (meaning.chromaticities) chunks.push_back({"cHRM", big_endian(*meaning.chromaticities)});
  if (!meaning.profile.empty())
    chunks.push_back({"iCCP", packed_profile(meaning.profile)});
  else if (meaning.rendering_intent)
    chunks.push_back({"sRGB", {*meaning.rendering_intent}});
  return chunks;
}

}  // namespace

namespace codec {

std::vector<uint8_t> encode_png(const Image& image, const ImageExtras& extras, const PngText& text) {
  const size_t expected = static_cast<size_t>(image.width * image.height * image.channels);
  if (image.levels.empty() || image.levels.size() != expected) {
    throw ShapeError("[png] a picture of {} x {} x {} needs {} levels, it has {}", image.width, image.height,
                     image.channels, expected, image.levels.size());
  }
  Writer writer;
  const png_structp png = writer.png;
  const png_infop info = writer.info;
  const bool has_alpha = !extras.alpha.empty();
  const int64_t n_samples = image.width * (image.channels + (has_alpha ? 1 : 0));
  std::vector<uint8_t> row(static_cast<size_t>(n_samples * image.bit_depth / 8));
  const int colour_type = image.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY;
  const std::vector<Chunk> colours = colour_chunks(extras.meaning);
  std::vector<png_text> chunks;
  for (const auto& [key, value] : text) {
    png_text chunk{};
    chunk.compression = PNG_TEXT_COMPRESSION_NONE;
    chunk.key = const_cast<png_charp>(key.c_str());  // libpng copies both
    chunk.text = const_cast<png_charp>(value.c_str());
    chunk.text_length = value.size();
    chunks.push_back(chunk);
  }
  const bool done = guarded(png, [&] {
    png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
                 image.bit_depth, has_alpha ? colour_type | PNG_COLOR_MASK_ALPHA : colour_type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (image.density.is_known())
      png_set_pHYs(png, info, image.density.x, image.density.y, PNG_RESOLUTION_METER);
    png_set_text(png, info, chunks.data(), static_cast<int>(chunks.size()));
    png_write_info_before_PLTE(png, info);
    for (const Chunk& chunk : colours)
      png_write_chunk(png, reinterpret_cast<png_const_bytep>(chunk.type), chunk.data.data(),
                      chunk.data.size());
    png_write_info(png, info);
    if (image.bit_depth == 16 && std::endian::native == std::endian::little) png_set_swap(png);
    for (int64_t y = 0; y < image.height; ++y) {
      fill_row(image, extras.alpha, y, row);
      png_write_row(png, row.data());
    }
    png_write_end(png, info);
  });
  if (!done)
    throw DeviceError("[png] cannot encode {} x {} pixels: {}", image.width, image.height,
                      writer.message.data());
  return std::move(writer.out);
}

}  // namespace codec

std::vector<uint8_t> encode_png(const Image& image, const PngText& text) {
  return codec::encode_png(image, {}, text);
}

}  // namespace primal
