#include <algorithm>
#include <cstring>
#include <functional>

#include "data/image/raster/extent.h"
#include "data/image/tiff/imagej.h"
#include "data/image/tiff/stream.h"
#include "data/image/tiff/tiff.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

// Offsets of a plain TIFF have 32 bit; the directories need a little of it.
constexpr uint64_t kPlainBytes = (uint64_t{1} << 32) - (uint64_t{1} << 26);

TiffOrigin origin_of(const Raster& raster) {
  if (const auto* found = std::get_if<TiffOrigin>(&raster.origin)) {
    TiffOrigin origin = *found;
    // libtiff 4.5 turns the bytes of floats around once too often where it writes them with their predictor
    // in the other byte order.
    if (origin.predictor == PREDICTOR_FLOATINGPOINT && origin.big_endian != kNativeIsBig)
      origin.predictor = PREDICTOR_NONE;
    return origin;
  }
  TiffOrigin origin{.compression = COMPRESSION_ADOBE_DEFLATE, .pages = {}};
  if (raster.density.is_known()) {
    TiffOrigin::Page page{.description = "",
                          .x_resolution = static_cast<float>(raster.density.x) / 100.0f,
                          .y_resolution = static_cast<float>(raster.density.y) / 100.0f,
                          .resolution_unit = RESUNIT_CENTIMETER};
    origin.pages.assign(static_cast<size_t>(raster.pages), page);
  }
  return origin;
}

uint16_t format_of(SampleType type) {
  switch (type) {
    case SampleType::i8:
    case SampleType::i16:
    case SampleType::i32:
      return SAMPLEFORMAT_INT;
    default:
      return is_float(type) ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT;
  }
}

class Writer {
 public:
  Writer(const Raster& raster, const PngText& text)
      : raster_(raster), text_(text), origin_(origin_of(raster)), stream_(mode()) {
    if (stream_.get() == nullptr) fail();
    // libtiff reads tiles of any size, but writes those that the standard allows.
    if (origin_.tile_width % 16 != 0 || origin_.tile_height % 16 != 0) origin_.tile_width = 0;
  }

  std::vector<uint8_t> write() {
    is_read_by_imagej_in_one_piece() ? write_in_one_piece() : write_page_by_page();
    std::vector<uint8_t> out;
    if (!stream_.finish(out)) fail();
    return out;
  }

 private:
  void write_page_by_page() {
    for (int64_t p = 0; p < raster_.pages; ++p) {
      set_tags(p);
      write_samples(p);
      if (TIFFWriteDirectory(stream_.get()) != 1) fail();
    }
  }

  bool is_read_by_imagej_in_one_piece() const {
    return raster_.pages > 1 && origin_.compression == COMPRESSION_NONE && !origin_.pages.empty() &&
           is_imagej_description(origin_.pages.front().description);
  }

  // All directories first, then room for the places of their strips, then the samples of all pages without a
  // gap: readers that count planes from the first strip on, and those that go by the directories, find the
  // same.
  void write_in_one_piece() {
    TIFF* const tiff = stream_.get();
    for (int64_t p = 0; p < raster_.pages; ++p) {
      set_tags(p);
      if (TIFFDeferStrileArrayWriting(tiff) != 1 || TIFFWriteCheck(tiff, tiles(), "primal") != 1 ||
          TIFFWriteDirectory(tiff) != 1)
        fail();
    }
    for_each_directory([](int64_t) {});
    for_each_directory([&](int64_t p) { write_samples(p); });
  }

  // Goes to each directory that has been written, and writes the places of its strips when `at` returns.
  void for_each_directory(const std::function<void(int64_t)>& at) {
    TIFF* const tiff = stream_.get();
    for (int64_t p = 0; p < raster_.pages; ++p) {
      if ((p == 0 ? TIFFSetDirectory(tiff, 0) : TIFFReadDirectory(tiff)) != 1) fail();
      at(p);
      if (TIFFForceStrileArrayWriting(tiff) != 1) fail();
    }
  }

  int tiles() const { return origin_.tile_width > 0 ? 1 : 0; }
  void write_samples(int64_t p) { origin_.tile_width > 0 ? write_tiles(p) : write_strips(p); }

  // ImageJ believes the number of planes that the first description states, so it has to be that of the
  // pages.
  std::string description_of(int64_t p) const {
    const std::string& text = origin_.pages[static_cast<size_t>(p)].description;
    return p == 0 && imagej_images(text) == raster_.pages ? text : without_imagej_images(text);
  }

  std::string mode() const {
    const bool is_big = origin_.is_big_tiff || raster_.samples.size() > kPlainBytes;
    return std::string(origin_.big_endian ? "wb" : "wl") + (is_big ? "8" : "4");
  }

  [[noreturn]] void fail() const {
    throw DeviceError("[tiff] cannot encode {} pages of {} x {} pixels: {}", raster_.pages, raster_.width,
                      raster_.height, stream_.error().empty() ? "no memory" : stream_.error());
  }

  template <class... Values>
  void set(uint32_t tag, Values... values) {
    if (TIFFSetField(stream_.get(), tag, values...) != 1) fail();
  }

  // What may be left out where a file said something that libtiff does not write.
  template <class... Values>
  void offer(uint32_t tag, Values... values) {
    TIFFSetField(stream_.get(), tag, values...);
  }

  void set_tags(int64_t p) {
    const bool colour = raster_.channels == 3;
    set(TIFFTAG_IMAGEWIDTH, static_cast<uint32_t>(raster_.width));
    set(TIFFTAG_IMAGELENGTH, static_cast<uint32_t>(raster_.height));
    set(TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * bytes_of(raster_.type)));
    set(TIFFTAG_SAMPLESPERPIXEL, samples_per_pixel());
    if (has_alpha()) {
      const uint16_t kind = raster_.alpha_is_associated ? uint16_t{EXTRASAMPLE_ASSOCALPHA} : extra_sample();
      set(TIFFTAG_EXTRASAMPLES, 1, &kind);
    }
    set(TIFFTAG_SAMPLEFORMAT, static_cast<int>(format_of(raster_.type)));
    set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    set(TIFFTAG_PHOTOMETRIC, colour                  ? PHOTOMETRIC_RGB
                             : origin_.white_is_zero ? PHOTOMETRIC_MINISWHITE
                                                     : PHOTOMETRIC_MINISBLACK);
    set(TIFFTAG_COMPRESSION, static_cast<int>(origin_.compression));
    if (origin_.predictor != PREDICTOR_NONE) set(TIFFTAG_PREDICTOR, static_cast<int>(origin_.predictor));
    if (const auto software = text_.find("Software"); software != text_.end())
      offer(TIFFTAG_SOFTWARE, software->second.c_str());
    if (!raster_.meaning.profile.empty())
      offer(TIFFTAG_ICCPROFILE, static_cast<uint32_t>(raster_.meaning.profile.size()),
            raster_.meaning.profile.data());
    if (origin_.tile_width > 0) {
      set(TIFFTAG_TILEWIDTH, origin_.tile_width);
      set(TIFFTAG_TILELENGTH, origin_.tile_height);
    } else {
      set(TIFFTAG_ROWSPERSTRIP, rows_per_strip());
    }
    if (static_cast<size_t>(p) >= origin_.pages.size()) return;
    const TiffOrigin::Page& page = origin_.pages[static_cast<size_t>(p)];
    if (!page.description.empty()) offer(TIFFTAG_IMAGEDESCRIPTION, description_of(p).c_str());
    if (page.x_resolution > 0.0f) offer(TIFFTAG_XRESOLUTION, static_cast<double>(page.x_resolution));
    if (page.y_resolution > 0.0f) offer(TIFFTAG_YRESOLUTION, static_cast<double>(page.y_resolution));
    if (page.x_resolution > 0.0f) offer(TIFFTAG_RESOLUTIONUNIT, static_cast<int>(page.resolution_unit));
  }

  bool has_alpha() const { return !raster_.alpha.empty(); }
  int samples_per_pixel() const { return raster_.channels + (has_alpha() ? 1 : 0); }
  // A file may leave open what its alpha is beside RGB; beside grey it has to say so.
  uint16_t extra_sample() const {
    const bool is_open = raster_.channels == 3 && origin_.extra_sample == EXTRASAMPLE_UNSPECIFIED;
    return is_open ? uint16_t{EXTRASAMPLE_UNSPECIFIED} : uint16_t{EXTRASAMPLE_UNASSALPHA};
  }
  size_t pixel_bytes() const { return bytes_of(raster_.type) * static_cast<size_t>(samples_per_pixel()); }

  // Rows y .. y + rows, columns x .. x + columns of a page into a block of that width, zero
  // elsewhere. libtiff turns the bytes of the block around where the file's order is not this
  // machine's, so it is always a copy.
  void fill(std::vector<uint8_t>& block, int64_t p, uint64_t x, uint64_t y, uint64_t block_width,
            uint64_t block_height) const {
    const auto width = static_cast<uint64_t>(raster_.width), height = static_cast<uint64_t>(raster_.height);
    const size_t pixel = pixel_bytes(), size = bytes_of(raster_.type),
                 colours = size * static_cast<size_t>(raster_.channels);
    const bool turns_around = origin_.white_is_zero && format_of(raster_.type) == SAMPLEFORMAT_UINT;
    block.assign(block_width * block_height * pixel, turns_around ? 0xff : 0);
    for (uint64_t row = 0; row < std::min(block_height, height - y); ++row) {
      const uint64_t first =
          (static_cast<uint64_t>(p) * height + y + row) * width + x;  // pixel of the raster
      uint8_t* to = block.data() + row * block_width * pixel;
      const uint64_t columns = std::min(block_width, width - x);
      if (!has_alpha()) {
        std::memcpy(to, raster_.samples.data() + first * pixel, columns * pixel);
        if (turns_around) std::transform(to, to + columns * pixel, to, std::bit_not<uint8_t>());
        continue;
      }
      for (uint64_t i = first; i < first + columns; ++i, to += pixel) {
        std::memcpy(to, raster_.samples.data() + i * colours, colours);
        if (turns_around) std::transform(to, to + colours, to, std::bit_not<uint8_t>());
        std::memcpy(to + colours, raster_.alpha.data() + i * size, size);
      }
    }
  }

  // If a page has two strips, libtiff writes their lengths with 16 bits each, and so into the tag itself.
  // ImageJ 1.52i (TiffDecoder.java) takes what is there for the place of a table and cannot open the file.
  // Two strips therefore become one.
  uint32_t rows_per_strip() const {
    const auto height = static_cast<uint32_t>(raster_.height);
    const uint32_t rows = TIFFDefaultStripSize(stream_.get(), 0);
    return rows < height && height - rows <= rows ? height : rows;
  }

  void write_strips(int64_t p) {
    const uint64_t rows = rows_per_strip(), height = static_cast<uint64_t>(raster_.height);
    std::vector<uint8_t> block;
    for (uint64_t y = 0; y < height; y += rows) {
      const uint64_t n = std::min(rows, height - y);
      fill(block, p, 0, y, static_cast<uint64_t>(raster_.width), n);
      const uint32_t strip = TIFFComputeStrip(stream_.get(), static_cast<uint32_t>(y), 0);
      if (TIFFWriteEncodedStrip(stream_.get(), strip, block.data(), static_cast<tmsize_t>(block.size())) < 0)
        fail();
    }
  }

  void write_tiles(int64_t p) {
    std::vector<uint8_t> block;
    for (uint64_t y = 0; y < static_cast<uint64_t>(raster_.height); y += origin_.tile_height) {
      for (uint64_t x = 0; x < static_cast<uint64_t>(raster_.width); x += origin_.tile_width) {
        fill(block, p, x, y, origin_.tile_width, origin_.tile_height);
        const uint32_t tile =
            TIFFComputeTile(stream_.get(), static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0, 0);
        if (TIFFWriteEncodedTile(stream_.get(), tile, block.data(), static_cast<tmsize_t>(block.size())) < 0)
          fail();
      }
    }
  }

  const Raster& raster_;
  const PngText& text_;
  TiffOrigin origin_;
  TiffStream stream_;
};

}  // namespace

std::vector<uint8_t> encode_tiff(const Raster& raster, const PngText& text) {
  return Writer(raster, text).write();
}

}  // namespace primal::codec
