#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <iterator>

#include "data/image/raster/extent.h"
#include "data/image/raster/upright.h"
#include "data/image/tiff/imagej.h"
#include "data/image/tiff/page.h"
#include "data/image/tiff/stream.h"
#include "data/image/tiff/tiff.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& name)
      : name_(name), bytes_(bytes), stream_(bytes, kAlways + 16 * bytes.size()) {
    if (stream_.get() == nullptr) fail("is truncated or corrupt");
  }

  Raster read() {
    std::vector<TiffPage> pages = describe();
    Raster raster = described(pages);
    allocate(raster);
    if (raster.had_alpha) raster.alpha.resize(raster.samples.size() / static_cast<size_t>(raster.channels));
    for (size_t p = 0; p < pages.size(); ++p) read_page(raster, static_cast<int64_t>(p), pages[p]);
    if (pages[0].white_is_zero() && !is_float(raster.type) && raster.type != SampleType::i8 &&
        raster.type != SampleType::i16 && raster.type != SampleType::i32) {
      for (uint8_t& byte : raster.samples) byte = static_cast<uint8_t>(~byte);
    }
    std::ranges::copy(remarks_, std::back_inserter(raster.remarks));
    if (!stream_.warning().empty()) raster.remarks.push_back(stream_.warning());
    return upright(std::move(raster), pages[0].orientation);
  }

 private:
  static constexpr uint64_t kAlways = uint64_t{1} << 22;  // what libtiff takes for its own tables and more

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError("[tiff] {} {}: {}", name_, what,
                    stream_.error().empty() ? "libtiff gives no reason" : stream_.error());
  }

  // All pages that are pictures.
  std::vector<TiffPage> describe() {
    TIFF* const tiff = stream_.get();
    std::vector<TiffPage> pages;
    int64_t number = 1;
    for (;; ++number) {
      if (number > kMaxPages) throw DataError("[tiff] {} has more than {} directories", name_, kMaxPages);
      TiffPage page = describe_page(tiff, number, bytes_.size(), name_);
      if (!page.is_thumbnail && !page.is_mask) {
        if (!pages.empty()) check_same(pages.front(), page, number);
        pages.push_back(std::move(page));
      }
      check_link(number);
      if (TIFFLastDirectory(tiff) != 0) break;
      if (TIFFReadDirectory(tiff) != 1) fail(fmt::format("is truncated or corrupt after page {}", number));
    }
    if (pages.empty())
      throw DataError("[tiff] {} holds only thumbnails and masks, expected a picture", name_);
    if (number == 1) check_no_hidden_planes(pages.front());
    if (std::ranges::any_of(pages, &TiffPage::has_imagej_tags))
      remarks_.push_back(
          "what ImageJ stores in tags of its own, such as labels, overlays and look-up tables, is left out");
    return pages;
  }

  // For a stack of more than 4 GB ImageJ writes one directory, and the other planes behind the first. Where
  // the file has no room for a second plane, a program has taken one page out and kept the description.
  // libtiff is at that directory.
  void check_no_hidden_planes(const TiffPage& page) {
    const int64_t images = imagej_images(page.tags.description);
    if (images <= 1 || page.compression != COMPRESSION_NONE) return;
    if (!has_room_for_two(page)) {
      remarks_.push_back(
          fmt::format("its description announces {} images, of which the file holds one", images));
      return;
    }
    throw DataError(
        "[tiff] {} has one directory, but its description says that ImageJ has written {} images, which lie "
        "one behind the other as in stacks of more than 4 GB; expected a directory for each: save the stack "
        "from ImageJ as several files, or as BigTIFF with Bio-Formats (the ending .ome.btf)",
        name_, images);
  }

  // Planes end before a directory that lies behind the first strip. ImageJ writes no tiles, which may be much
  // larger than the picture.
  bool has_room_for_two(const TiffPage& page) const {
    const uint64_t plane = uint64_t{page.width} * page.height * page.samples_per_pixel * bytes_of(page.type),
                   first = TIFFGetStrileOffset(stream_.get(), 0),
                   end = page.offset > first ? page.offset : bytes_.size();
    return page.tile_width == 0 && first < end && plane <= (end - first) / 2;
  }

  // libtiff takes a directory whose link to the next one is cut off for the last.
  void check_link(int64_t number) const {
    TIFF* const tiff = stream_.get();
    const bool is_big = TIFFIsBigTIFF(tiff) != 0;
    const uint64_t at = TIFFCurrentDirOffset(tiff), count_bytes = is_big ? 8 : 2,
                   entry_bytes = is_big ? 20 : 12, link_bytes = is_big ? 8 : 4;
    uint64_t n_entries = 0;
    for (uint64_t i = 0; i < count_bytes && at + i < bytes_.size(); ++i) {
      const uint64_t place = TIFFIsBigEndian(tiff) != 0 ? count_bytes - 1 - i : i;
      n_entries |= uint64_t{bytes_[at + i]} << (8 * place);
    }
    if (n_entries <= bytes_.size() &&
        at + count_bytes + n_entries * entry_bytes + link_bytes <= bytes_.size())
      return;
    throw DataError("[tiff] {} is truncated: its {} bytes end inside the directory of page {}, at byte {}",
                    name_, bytes_.size(), number, at);
  }

  static std::string extent_and_type(const TiffPage& page) {
    return fmt::format("{} x {} pixels of {} x {}", page.width, page.height, page.channels,
                       name_of(page.type));
  }

  static std::string transparency(const TiffPage& page) {
    if (!page.has_alpha()) return "no transparency";
    switch (page.extra_sample) {
      case EXTRASAMPLE_UNSPECIFIED:
        return "transparency of an unspecified kind";
      case EXTRASAMPLE_ASSOCALPHA:
        return "associated alpha";
      case EXTRASAMPLE_UNASSALPHA:
        return "unassociated alpha";
      default:
        return fmt::format("an extra sample of kind {}", page.extra_sample);
    }
  }

  static std::string meaning_of_zero(const TiffPage& page) {
    return page.white_is_zero() ? "0 is white" : "0 is black";
  }

  // The message names what differs, the first where it is more.
  void check_same(const TiffPage& first, const TiffPage& page, int64_t number) const {
    const auto differs = [&](const std::string& found, const std::string& expected) {
      throw DataError(
          "[tiff] {}, page {}: {}, expected what the first page has, {}; split it, for example with: "
          "tiffsplit",
          name_, number, found, expected);
    };
    if (page.width != first.width || page.height != first.height || page.type != first.type ||
        page.channels != first.channels)
      differs(extent_and_type(page), extent_and_type(first));
    if (page.has_alpha() != first.has_alpha() || page.extra_sample != first.extra_sample)
      differs(transparency(page), transparency(first));
    if (page.white_is_zero() != first.white_is_zero()) differs(meaning_of_zero(page), meaning_of_zero(first));
    if (page.orientation != first.orientation)
      differs(fmt::format("orientation {}", page.orientation),
              fmt::format("orientation {}", first.orientation));
  }

  Raster described(const std::vector<TiffPage>& pages) const {
    const TiffPage& first = pages.front();
    TIFF* const tiff = stream_.get();
    check_volume(name_, "tiff",
                 {pages.size(), first.width, first.height, bytes_of(first.type) * first.samples_per_pixel},
                 bytes_.size(), packing_ratio(first.compression));
    Raster raster{.format = PictureFormat::tiff,
                  .width = first.width,
                  .height = first.height,
                  .pages = static_cast<int64_t>(pages.size()),
                  .channels = first.channels,
                  .type = first.type,
                  .white = usual_white(first.type)};
    raster.had_alpha = first.has_alpha();
    raster.alpha_is_associated = raster.had_alpha && first.extra_sample == EXTRASAMPLE_ASSOCALPHA;
    if (TIFFSetSubDirectory(tiff, first.offset) != 1) fail("cannot be read at its first page");
    uint32_t profile_bytes = 0;
    const void* profile = nullptr;
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &profile_bytes, &profile) == 1 && profile != nullptr)
      take_profile(raster.meaning, {static_cast<const uint8_t*>(profile), profile_bytes}, raster.channels,
                   raster.remarks);
    raster.density = density_of(first.tags);
    TiffOrigin origin{.big_endian = TIFFIsBigEndian(tiff) != 0,
                      .is_big_tiff = TIFFIsBigTIFF(tiff) != 0,
                      .white_is_zero = first.white_is_zero(),
                      .compression = first.compression,
                      .predictor = first.predictor,
                      .tile_width = first.tile_width,
                      .tile_height = first.tile_height,
                      .extra_sample = first.extra_sample,
                      .pages = {},
                      .described_channels = first.channels,
                      .is_rearranged = first.has_planes() || first.orientation > 4};
    for (const TiffPage& page : pages) origin.pages.push_back(page.tags);
    raster.origin = std::move(origin);
    return raster;
  }

  static PixelDensity density_of(const TiffOrigin::Page& tags) {
    const double per_metre = tags.resolution_unit == RESUNIT_INCH         ? 1.0 / 0.0254
                             : tags.resolution_unit == RESUNIT_CENTIMETER ? 100.0
                                                                          : 0.0;
    const auto number = [&](float resolution) {
      const double density = std::round(resolution * per_metre);
      return density >= 1.0 && density < 4e9 ? static_cast<uint32_t>(density) : 0u;
    };
    return PixelDensity::stated(number(tags.x_resolution), number(tags.y_resolution));
  }

  void read_page(Raster& raster, int64_t p, const TiffPage& page) {
    TIFF* const tiff = stream_.get();
    stream_.clear();
    if (TIFFSetSubDirectory(tiff, page.offset) != 1) fail(fmt::format("cannot be read at page {}", p + 1));
    const bool tiled = page.tile_width > 0;
    uint32_t rows_per_strip = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows_per_strip);
    const uint32_t block_width = tiled ? page.tile_width : page.width,
                   block_height = tiled ? page.tile_height : std::min(rows_per_strip, page.height);
    const uint64_t in_block = page.has_planes() ? 1 : page.samples_per_pixel;
    std::vector<uint8_t> block(block_width * uint64_t{block_height} * in_block * bytes_of(page.type));
    const int n_planes = page.has_planes() ? page.samples_per_pixel : 1;
    for (int plane = 0; plane < n_planes; ++plane) {
      for (uint64_t y = 0; y < page.height; y += block_height) {
        for (uint64_t x = 0; x < page.width; x += block_width) {
          const uint64_t rows = std::min<uint64_t>(block_height, page.height - y);
          // A tile is whole even at the border, a strip ends with the picture.
          const uint64_t n_bytes = block.size() / block_height * (tiled ? block_height : rows);
          read_block(page, p, static_cast<uint32_t>(x), static_cast<uint32_t>(y),
                     static_cast<uint16_t>(plane), std::span(block).first(n_bytes));
          place(raster, p, page, plane, x, y, block, block_width, rows);
        }
      }
    }
  }

  void read_block(const TiffPage& page, int64_t p, uint32_t x, uint32_t y, uint16_t plane,
                  std::span<uint8_t> block) {
    TIFF* const tiff = stream_.get();
    const auto n = static_cast<tmsize_t>(block.size());
    const tmsize_t read =
        page.tile_width > 0
            ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, plane), block.data(), n)
            : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), block.data(), n);
    if (read == n) return;
    throw DataError("[tiff] {}, page {}, row {}: truncated or corrupt, {} of {} bytes could be read{}{}",
                    name_, p + 1, y, std::max<tmsize_t>(read, 0), n, stream_.error().empty() ? "" : ": ",
                    stream_.error());
  }

  // The colours and the alpha of a block to where they lie in the raster.
  static void place(Raster& raster, int64_t p, const TiffPage& page, int plane, uint64_t x, uint64_t y,
                    const std::vector<uint8_t>& block, uint64_t block_width, uint64_t rows) {
    const size_t size = bytes_of(page.type), channels = static_cast<size_t>(page.channels),
                 in_block = page.has_planes() ? 1 : page.samples_per_pixel,
                 taken = page.has_planes() ? 1 : channels;
    const uint64_t columns = std::min<uint64_t>(block_width, page.width - x);
    if (page.has_alpha() && (!page.has_planes() || plane == page.channels)) {
      const size_t before = page.has_planes() ? 0 : channels;  // samples of a pixel before its alpha
      const uint64_t pixels = uint64_t{page.width} * page.height;
      for (uint64_t row = 0; row < rows; ++row) {
        const uint8_t* from = block.data() + (row * block_width * in_block + before) * size;
        uint8_t* at =
            raster.alpha.data() + (static_cast<uint64_t>(p) * pixels + (y + row) * page.width + x) * size;
        for (uint64_t i = 0; i < columns; ++i, from += in_block * size, at += size)
          std::memcpy(at, from, size);
      }
      if (page.has_planes()) return;
    }
    uint8_t* const to = raster.samples.data() + static_cast<size_t>(p) * raster.page_samples() * size;
    for (uint64_t row = 0; row < rows; ++row) {
      const uint8_t* from = block.data() + row * block_width * in_block * size;
      uint8_t* at = to + (((y + row) * page.width + x) * channels + static_cast<size_t>(plane)) * size;
      if (in_block == channels) {
        std::memcpy(at, from, columns * channels * size);
        continue;
      }
      for (uint64_t i = 0; i < columns; ++i, from += in_block * size, at += channels * size)
        std::memcpy(at, from, taken * size);
    }
  }

  const std::string& name_;
  std::span<const uint8_t> bytes_;
  TiffStream stream_;
  std::vector<std::string> remarks_;
};

}  // namespace

Raster decode_tiff(std::span<const uint8_t> bytes, const std::string& name) {
  return Reader(bytes, name).read();
}

}  // namespace primal::codec
