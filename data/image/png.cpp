// PNG through libpng: any bit depth, palette, alpha and interlacing in; 8- or 16-bit grey or RGB out.
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
#include "tensor/error.h"

namespace primal {
namespace {

constexpr std::array<uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

using Message = std::array<char, 160>;

// libpng calls this on an error; it must not return. The message stays in the Message that the session owns.
[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<Message*>(png_get_error_ptr(png));
  std::snprintf(message->data(), message->size(), "%s", text);
  png_longjmp(png, 1);
}
void no_warning(png_structp, png_const_charp) {}

// Runs library calls that may longjmp; false when one did. `calls` must not own anything with a destructor
// (codec.h).
template <class Calls>
[[gnu::noinline]] bool guarded(png_structp png, const Calls& calls) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  calls();
  return true;
}

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

// What the transformations below leave: grey or RGB, 8 or 16 bit, no alpha.
struct Layout {
  png_uint_32 width = 0, height = 0;
  int bit_depth = 0, colour_type = 0;
  int n_passes = 1;
  png_uint_32 x_density = 0, y_density = 0;
  int density_unit = PNG_RESOLUTION_UNKNOWN;
};

}  // namespace

namespace codec {

bool is_png(std::span<const uint8_t> bytes) {
  // Four bytes tell; the rest of the signature catches transfers that changed line ends, and libpng says so.
  return bytes.size() >= 4 && std::memcmp(bytes.data(), kSignature.data(), 4) == 0;
}

Image decode_png(std::span<const uint8_t> bytes, const std::string& name) {
  const PngChunks chunks = sort_png_chunks(bytes, name);
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

  reader.run(name, [&] {
    if (layout.colour_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (layout.colour_type == PNG_COLOR_TYPE_GRAY && layout.bit_depth < 8)
      png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    if (layout.bit_depth == 16 && std::endian::native == std::endian::little) png_set_swap(png);
    layout.n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  Image image(layout.width, layout.height, png_get_channels(png, info), png_get_bit_depth(png, info));
  const int64_t n_samples = image.width * image.channels;
  if (png_get_rowbytes(png, info) != static_cast<size_t>(n_samples * image.bit_depth / 8)) {
    throw DataError("[png] {} has an unexpected layout: {} bytes in a row of {} samples of {} bit", name,
                    png_get_rowbytes(png, info), n_samples, image.bit_depth);
  }
  reader.run(name, [&] {
    for (int pass = 0; pass < layout.n_passes; ++pass) {
      for (int64_t y = 0; y < image.height; ++y) {
        png_read_row(png, row_bytes(image.row(y)), nullptr);
        if (layout.n_passes == 1) reader.row = y + 1;
      }
    }
    png_read_end(png, info);
    png_get_pHYs(png, info, &layout.x_density, &layout.y_density, &layout.density_unit);
  });
  const bool is_doubtful = reader.warning[0] != '\0';  // such as a wrong Adler-32 after the last row
  if (chunks.ends_early && is_doubtful) reader.fail(name);
  if (image.bit_depth == 8) {
    for (int64_t y = 0; y < image.height; ++y) widen_in_place(image.row(y), n_samples);
  }
  if (layout.density_unit == PNG_RESOLUTION_METER)
    image.density = PixelDensity::stated(layout.x_density, layout.y_density);
  Image result = upright(std::move(image), chunks.orientation);
  result.remarks = chunks.remarks;
  if (chunks.ends_early) result.remarks.push_back("it ends without its IEND chunk; its pixels are whole");
  if (is_doubtful) result.remarks.push_back(reader.warning.data());
  result.had_alpha = has_alpha;
  return result;
}

}  // namespace codec

std::vector<uint8_t> encode_png(const Image& image, const PngText& text) {
  const size_t expected = static_cast<size_t>(image.width * image.height * image.channels);
  if (image.levels.empty() || image.levels.size() != expected) {
    throw ShapeError("[png] a picture of {} x {} x {} needs {} levels, it has {}", image.width, image.height,
                     image.channels, expected, image.levels.size());
  }
  Writer writer;
  const png_structp png = writer.png;
  const png_infop info = writer.info;
  const int64_t n_samples = image.width * image.channels;
  std::vector<uint8_t> narrow(image.bit_depth == 8 ? static_cast<size_t>(n_samples) : 0);
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
                 image.bit_depth, image.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (image.density.is_known())
      png_set_pHYs(png, info, image.density.x, image.density.y, PNG_RESOLUTION_METER);
    png_set_text(png, info, chunks.data(), static_cast<int>(chunks.size()));
    png_write_info(png, info);
    if (image.bit_depth == 16 && std::endian::native == std::endian::little) png_set_swap(png);
    for (int64_t y = 0; y < image.height; ++y) {
      const uint16_t* row = image.row(y);
      if (image.bit_depth == 16) {
        png_write_row(png, reinterpret_cast<const uint8_t*>(row));
      } else {
        std::transform(row, row + n_samples, narrow.begin(),
                       [](uint16_t level) { return static_cast<uint8_t>(level); });
        png_write_row(png, narrow.data());
      }
    }
    png_write_end(png, info);
  });
  if (!done)
    throw DeviceError("[png] cannot encode {} x {} pixels: {}", image.width, image.height,
                      writer.message.data());
  return std::move(writer.out);
}

}  // namespace primal
