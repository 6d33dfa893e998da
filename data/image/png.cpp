// PNG files through libpng: any bit depth, palette, alpha and interlacing.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <png.h>
#include <vector>

#include "data/image/codec.h"
#include "data/image/png_chunks.h"
#include "data/image/png_guard.h"
#include "tensor/error.h"

namespace primal {
namespace {

using namespace codec::png;

constexpr std::array<uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  Message message{};
  Message warning{};  // the first; the pixels are what was decoded nevertheless
  const codec::PngChunks& chunks;
  const uint8_t* file;  // its first byte
  size_t file_bytes;
  std::span<const uint8_t> rest;  // of the piece that is read
  size_t next_piece = 0;
  bool ran_out = false;
  int64_t row = 0;  // rows decoded, where they come one after the other

  Reader(std::span<const uint8_t> bytes, const codec::PngChunks& chunks_)
      : chunks(chunks_), file(bytes.data()), file_bytes(bytes.size()) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw DeviceError("[png] no memory for a PNG reader");
    }
    png_set_read_fn(png, this, read);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  static void read(png_structp png, png_bytep to, size_t n) {
    auto* self = static_cast<Reader*>(png_get_io_ptr(png));
    while (n > 0) {
      if (self->rest.empty()) {
        if (self->next_piece == self->chunks.pieces.size()) {
          self->ran_out = true;
          png_error(png, "the file ends early");
        }
        self->rest = self->chunks.pieces[self->next_piece++];
        continue;
      }
      const size_t part = std::min(n, self->rest.size());
      std::memcpy(to, self->rest.data(), part);
      self->rest = self->rest.subspan(part);
      to += part;
      n -= part;
    }
  }

  static void on_warning(png_structp png, png_const_charp text) {
    auto* self = static_cast<Reader*>(png_get_io_ptr(png));
    if (self != nullptr && self->warning[0] == '\0')
      std::snprintf(self->warning.data(), self->warning.size(), "%s", text);
  }

  // Where in the file it is; the end chunk that stands in for a missing one is behind its last byte.
  size_t offset() const {
    const uint8_t* const at = rest.data();
    return at >= file && at <= file + file_bytes ? static_cast<size_t>(at - file) : file_bytes;
  }

  // Runs calls or throws what libpng had to say, with the offset it had come to.
  template <class Calls>
  void run(const std::string& name, const Calls& calls) {
    if (!guarded(png, calls)) fail(name);
  }

  [[noreturn]] void fail(const std::string& name) const {
    if (ran_out || chunks.ends_early) {
      throw DataError("[png] {} is truncated: its {} bytes end {}, expected the IEND chunk; copy it again",
                      name, file_bytes,
                      row > 0 ? fmt::format("at row {} of {}", row, png_get_image_height(png, info))
                              : "inside the picture");
    }
    throw DataError("[png] {} is corrupt near byte {}: {}", name, offset(), message.data());
  }
};

// What the transformations below leave: grey or RGB, 8 or 16 bit, and alpha where it is wanted.
struct Layout {
  png_uint_32 width = 0, height = 0;
  int bit_depth = 0, colour_type = 0;
  int n_passes = 1;
  png_uint_32 x_density = 0, y_density = 0;
  int density_unit = PNG_RESOLUTION_UNKNOWN;
};

// Takes rows of 8 or 16 bit apart, colours and then one alpha a pixel.
void split_row(const uint8_t* row, int64_t y, Image& image, std::vector<uint16_t>& alpha) {
  uint16_t* colour = image.row(y);
  uint16_t* transparency = alpha.data() + y * image.width;
  size_t at = 0;
  const auto next = [&]() -> uint16_t {
    if (image.bit_depth == 8) return row[at++];
    uint16_t level;
    std::memcpy(&level, row + at, 2);
    at += 2;
    return level;
  };
  for (int64_t x = 0; x < image.width; ++x) {
    for (int c = 0; c < image.channels; ++c) *colour++ = next();
    *transparency++ = next();
  }
}

}  // namespace

namespace codec {

bool is_png(std::span<const uint8_t> bytes) {
  // Four bytes tell; the rest of the signature catches transfers that changed line ends, and libpng says so.
  return bytes.size() >= 4 && std::memcmp(bytes.data(), kSignature.data(), 4) == 0;
}

Image decode_png(std::span<const uint8_t> bytes, const std::string& name, ImageExtras* extras) {
  const PngChunks chunks = sort_png_chunks(bytes, name, extras != nullptr);
  Reader reader(bytes, chunks);
  const png_structp png = reader.png;
  const png_infop info = reader.info;
  Layout layout;
  reader.run(name, [&] {
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_extent judges the product instead
    png_read_info(png, info);
    png_get_IHDR(png, info, &layout.width, &layout.height, &layout.bit_depth, &layout.colour_type, nullptr,
                 nullptr, nullptr);
  });
  // Deflate makes at most 1032 bytes from one.
  const bool has_alpha =
      (layout.colour_type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  const int stored_bits = layout.bit_depth * png_get_channels(png, info);
  check_extent(name, "png", layout.width, layout.height, bytes.size(), 1032.0 * 8.0 / stored_bits);

  const bool keeps_alpha = extras != nullptr && has_alpha;
  reader.run(name, [&] {
    if (layout.colour_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (layout.colour_type == PNG_COLOR_TYPE_GRAY && layout.bit_depth < 8)
      png_set_expand_gray_1_2_4_to_8(png);
    keeps_alpha ? png_set_tRNS_to_alpha(png) : png_set_strip_alpha(png);
    if (layout.bit_depth == 16 && std::endian::native == std::endian::little) png_set_swap(png);
    layout.n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  const int n_colours = png_get_channels(png, info) - (keeps_alpha ? 1 : 0);
  Image image(layout.width, layout.height, n_colours, png_get_bit_depth(png, info));
  const int64_t n_samples = image.width * png_get_channels(png, info);
  if (png_get_rowbytes(png, info) != static_cast<size_t>(n_samples * image.bit_depth / 8)) {
    throw DataError("[png] {} has an unexpected layout: {} bytes in a row of {} samples of {} bit", name,
                    png_get_rowbytes(png, info), n_samples, image.bit_depth);
  }
  // With alpha a row is longer than one of the picture; an interlaced file fills each of them several times.
  std::vector<uint16_t> alpha(keeps_alpha ? static_cast<size_t>(image.width * image.height) : 0);
  const size_t stored_row = png_get_rowbytes(png, info);
  const auto n_kept = static_cast<size_t>(layout.n_passes == 1 ? 1 : image.height);
  std::vector<uint8_t> stored(keeps_alpha ? n_kept * stored_row : 0);
  reader.run(name, [&] {
    for (int pass = 0; pass < layout.n_passes; ++pass) {
      for (int64_t y = 0; y < image.height; ++y) {
        const size_t start = layout.n_passes == 1 ? 0 : static_cast<size_t>(y) * stored_row;
        uint8_t* const kept = keeps_alpha ? stored.data() + start : row_bytes(image.row(y));
        png_read_row(png, kept, nullptr);
        if (keeps_alpha && pass + 1 == layout.n_passes) split_row(kept, y, image, alpha);
        if (layout.n_passes == 1) reader.row = y + 1;
      }
    }
    png_read_end(png, info);
    png_get_pHYs(png, info, &layout.x_density, &layout.y_density, &layout.density_unit);
  });
  const bool is_doubtful = reader.warning[0] != '\0';  // such as a wrong Adler-32 after the last row
  if (chunks.ends_early && is_doubtful) reader.fail(name);
  if (image.bit_depth == 8 && !keeps_alpha) {
    for (int64_t y = 0; y < image.height; ++y) widen_in_place(image.row(y), n_samples);
  }
  if (layout.density_unit == PNG_RESOLUTION_METER)
    image.density = PixelDensity::stated(layout.x_density, layout.y_density);
  if (keeps_alpha) {
    Image transparency(image.width, image.height, 1, image.bit_depth);
    transparency.levels = std::move(alpha);
    extras->alpha = upright(std::move(transparency), chunks.orientation).levels;
  }
  Image result = upright(std::move(image), chunks.orientation);
  result.remarks = chunks.remarks;
  if (extras != nullptr) {
    extras->meaning = chunks.meaning;
    extras->meaning.profile.clear();
    if (chunks.profile_is_too_long) result.remarks.push_back(profile_too_long_remark());
    take_profile(extras->meaning, chunks.meaning.profile, result.channels, result.remarks);
  }
  if (chunks.ends_early) result.remarks.push_back("it ends without its IEND chunk; its pixels are whole");
  if (is_doubtful) result.remarks.push_back(reader.warning.data());
  result.had_alpha = has_alpha;
  return result;
}

}  // namespace codec
}  // namespace primal
