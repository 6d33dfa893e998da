#include "data/image/tiff/page.h"

#include <fmt/format.h>
#include <optional>

#include "data/image/raster/extent.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr uint16_t kLinearRaw = 34892, kMaskOfFile = FILETYPE_MASK, kReduced = FILETYPE_REDUCEDIMAGE;
// IJMetadataByteCounts and IJMetadata of ImageJ, ij/io/TiffDecoder.java.
constexpr uint32_t kImagejCounts = 50838, kImagejMetadata = 50839;

template <class T>
T field(TIFF* tiff, uint32_t tag, T otherwise) {
  T value = otherwise;
  return TIFFGetFieldDefaulted(tiff, tag, &value) == 1 ? value : otherwise;
}

std::string compression_name(uint16_t compression) {
  switch (compression) {
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
      return "a fax code";
    case COMPRESSION_OJPEG:
    case COMPRESSION_JPEG:
      return "JPEG";
    case COMPRESSION_JP2000:
    case 33003:
    case 33005:
      return "JPEG 2000";
    case COMPRESSION_LZMA:
      return "LZMA";
    case COMPRESSION_ZSTD:
      return "Zstandard";
    case COMPRESSION_WEBP:
      return "WebP";
    default:
      return fmt::format("code {}", compression);
  }
}

std::optional<SampleType> type_of(uint16_t format, uint16_t bits) {
  if (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) {
    if (bits == 8) return SampleType::u8;
    if (bits == 16) return SampleType::u16;
    if (bits == 32) return SampleType::u32;
  } else if (format == SAMPLEFORMAT_INT) {
    if (bits == 8) return SampleType::i8;
    if (bits == 16) return SampleType::i16;
    if (bits == 32) return SampleType::i32;
  } else if (format == SAMPLEFORMAT_IEEEFP) {
    if (bits == 16) return SampleType::f16;
    if (bits == 32) return SampleType::f32;
    if (bits == 64) return SampleType::f64;
  }
  return std::nullopt;
}

std::string format_name(uint16_t format) {
  switch (format) {
    case SAMPLEFORMAT_UINT:
    case SAMPLEFORMAT_VOID:
      return "unsigned";
    case SAMPLEFORMAT_INT:
      return "signed";
    case SAMPLEFORMAT_IEEEFP:
      return "float";
    default:
      return "complex";
  }
}

// A camera's raw photo is a TIFF whose first directory is a thumbnail, or whose samples are those
// of the sensor's filters.
void check_raw_photo(TIFF* tiff, const TiffPage& page, int64_t number, const std::string& name) {
  const char* maker = nullptr;
  const bool of_camera = TIFFGetField(tiff, TIFFTAG_MAKE, &maker) == 1;
  uint8_t* version = nullptr;
  const bool is_dng = TIFFGetField(tiff, TIFFTAG_DNGVERSION, &version) == 1;
  const bool of_sensor = page.photometric == PHOTOMETRIC_CFA || page.photometric == kLinearRaw;
  if (!of_sensor && !(number == 1 && (is_dng || (of_camera && page.is_thumbnail)))) return;
  throw DataError(
      "[tiff] {} is a camera's raw photo{}, which is not read: develop it to 16-bit TIFF, for example with "
      "darktable-cli or dcraw -T -6",
      name, is_dng ? " (DNG)" : "");
}

void check_kind(const TiffPage& page, int64_t number, const std::string& name) {
  constexpr const char* kConvert =
      "convert it, for example with ImageMagick: convert IN -compress LZW OUT.tif";
  switch (page.compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_LZW:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS:
      break;
    default:
      throw DataError("[tiff] {}, page {}: packed with {}, expected none, LZW, deflate or PackBits; {}", name,
                      number, compression_name(page.compression), kConvert);
  }
  if (page.photometric != PHOTOMETRIC_MINISWHITE && page.photometric != PHOTOMETRIC_MINISBLACK &&
      page.photometric != PHOTOMETRIC_RGB) {
    throw DataError(
        "[tiff] {}, page {}: its photometric interpretation is {}{}, expected grey (0 or 1) or RGB (2); "
        "convert it, for example with ImageMagick: convert IN -type TrueColor OUT.tif",
        name, number, page.photometric, page.photometric == PHOTOMETRIC_PALETTE ? " (palette)" : "");
  }
}

bool has_imagej_tags(TIFF* tiff) {
  const int n = TIFFGetTagListCount(tiff);
  for (int i = 0; i < n; ++i) {
    const uint32_t tag = TIFFGetTagListEntry(tiff, i);
    if (tag == kImagejCounts || tag == kImagejMetadata) return true;
  }
  return false;
}

void read_tags(TIFF* tiff, TiffOrigin::Page& tags) {
  const char* description = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_IMAGEDESCRIPTION, &description) == 1 && description != nullptr)
    tags.description = description;
  TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &tags.x_resolution);
  TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &tags.y_resolution);
  tags.resolution_unit = field<uint16_t>(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
}

}  // namespace

double packing_ratio(uint16_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
      return 1.0;
    case COMPRESSION_LZW:  // codes of 12 bit for runs of at most 4096 - 258 bytes
      return 2600.0;
    case COMPRESSION_PACKBITS:
      return 64.0;
    default:
      return kDeflateRatio;
  }
}

TiffPage describe_page(TIFF* tiff, int64_t number, uint64_t file_bytes, const std::string& name) {
  TiffPage page;
  page.offset = TIFFCurrentDirOffset(tiff);
  page.width = field<uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0);
  page.height = field<uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0);
  page.bits = field<uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  page.samples_per_pixel = field<uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  page.format = field<uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  page.photometric = field<uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  page.compression = field<uint16_t>(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  page.orientation = field<uint16_t>(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  page.planar = field<uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  const uint32_t subfile = field<uint32_t>(tiff, TIFFTAG_SUBFILETYPE, 0);
  page.is_thumbnail = (subfile & kReduced) != 0;
  page.is_mask = (subfile & kMaskOfFile) != 0;
  check_raw_photo(tiff, page, number, name);
  if (page.is_thumbnail || page.is_mask) return page;
  check_kind(page, number, name);
  if (page.compression == COMPRESSION_LZW || page.compression == COMPRESSION_ADOBE_DEFLATE ||
      page.compression == COMPRESSION_DEFLATE)
    page.predictor = field<uint16_t>(tiff, TIFFTAG_PREDICTOR, PREDICTOR_NONE);
  const std::optional<SampleType> type = type_of(page.format, page.bits);
  if (!type) {
    throw DataError(
        "[tiff] {}, page {}: {} samples of {} bit, expected integers of 8, 16 or 32 bit or floats of 16, 32 "
        "or 64; convert it, for example with ImageMagick: convert IN -depth 16 OUT.tif",
        name, number, format_name(page.format), page.bits);
  }
  page.type = *type;
  page.channels = page.photometric == PHOTOMETRIC_RGB ? 3 : 1;
  uint16_t n_extra = 0;
  const uint16_t* extra = nullptr;
  TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
  // What is beyond the colours must be declared, so that no spectral band is taken for transparency.
  const int more = page.samples_per_pixel - page.channels;
  if (more < 0 || more != n_extra)
    throw DataError(
        "[tiff] {}, page {}: {} samples per pixel, {} of them extra, expected {} and its extra ones", name,
        number, page.samples_per_pixel, n_extra, page.channels);
  // RGB with one more sample is RGB with alpha, whatever the file calls it; beside grey it has to be called
  // so.
  const bool is_alpha = n_extra == 1 && (page.channels == 3 || extra[0] != EXTRASAMPLE_UNSPECIFIED);
  if (n_extra > 0 && !is_alpha)
    throw DataError(
        "[tiff] {}, page {}: {} samples per pixel that are neither colours nor transparency, expected grey "
        "or RGB; save each channel as a page or a file of its own",
        name, number, page.samples_per_pixel);
  if (is_alpha) page.extra_sample = extra[0];
  const uint64_t bytes = bytes_of(page.type) * page.samples_per_pixel;
  const double ratio = packing_ratio(page.compression);
  check_volume(name, "tiff", {1, page.width, page.height, bytes}, file_bytes, ratio);
  if (TIFFIsTiled(tiff) != 0) {
    page.tile_width = field<uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0);
    page.tile_height = field<uint32_t>(tiff, TIFFTAG_TILELENGTH, 0);
    check_volume(name, "tiff",
                 {1, page.tile_width, page.tile_height, page.has_planes() ? bytes_of(page.type) : bytes},
                 file_bytes, ratio);
  }
  page.has_imagej_tags = has_imagej_tags(tiff);
  read_tags(tiff, page.tags);
  return page;
}

}  // namespace primal::codec
