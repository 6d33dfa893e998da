// Raster: the samples of a picture file as they are stored, of any type that is read, on one page or several,
// with what the file says besides, so that the same file can be written again around other samples.
//
//   value = slope * sample + offset      slope 1 and offset 0 but for NIfTI and DICOM files that say
//                                        otherwise
//
// Layout:  samples [pages, height, width, channels], row-major, in this machine's byte order. Channels are
//          1 (grey) or 3 (RGB): all decoders deliver what the file has, and grey() below is the one place
//          where colour becomes grey.
// Errors:  DataError that names the file, the place and what was expected (data/formats/formats.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "data/image/extras.h"
#include "data/image/image.h"
#include "data/image/raster/sample_type.h"

namespace primal {

enum class PictureFormat : uint8_t { png, jpeg, tiff, npy, npz, nifti, nifti_gz, pnm, pfm, webp, dicom };

// What a file of each format says that its samples do not, for writing it again.
struct NpyOrigin {
  bool big_endian = kNativeIsBig, fortran_order = false;
  bool has_pages = false;    // an axis for pages, even for a single one
  std::string entry = {};    // of a .npz: "arr_0.npy"
  bool is_deflated = false;  // of a .npz
};

struct NiftiOrigin {
  bool big_endian = kNativeIsBig;
  std::vector<uint8_t> head = {};  // all before the first sample: 348 bytes of header and the extensions
};

struct PnmOrigin {
  bool is_plain = false;    // P2 and P3: numbers as text
  bool big_endian = false;  // of a PFM
  double scale = 1.0;       // of a PFM: its third line without the sign
};

struct TiffOrigin {
  struct Page {
    std::string description = {};
    float x_resolution = 0, y_resolution = 0;  // 0: none
    uint16_t resolution_unit = 2;              // 1 none, 2 inch, 3 centimetre
  };
  bool big_endian = kNativeIsBig, is_big_tiff = false, white_is_zero = false;
  uint16_t compression = 1, predictor = 1;
  uint32_t tile_width = 0, tile_height = 0;  // 0: in strips
  uint16_t extra_sample = 2;                 // what alpha is: 0 not told, 1 associated, 2 unassociated
  std::vector<Page> pages = {};
  int described_channels = 0;  // those of the file, which descriptions may count; 0: the raster's
  // Width and height are exchanged, or samples that lay in planes lie side by side. Descriptions may say how
  // they lay.
  bool is_rearranged = false;
};

struct DicomOrigin {
  std::vector<uint8_t> attributes = {};  // the data set without its pixels, in explicit VR, little endian
  std::string transfer_syntax = {};      // of the file that was read
  std::string photometric = {};
  int bits_stored = 0;
  // What the attributes belong to. A raster that differs is written without those that its pixels make
  // untrue.
  int64_t width = 0, height = 0;
  SampleType type = SampleType::u16;
  double slope = 1.0, offset = 0.0;
  bool white_is_zero = false;
  std::string lossy_method = {};  // of the packing that the file lost information by; empty: none
  double lossy_ratio = 1.0;
};

struct Raster {
  PictureFormat format = PictureFormat::png;
  int64_t width = 0, height = 0, pages = 1;
  int channels = 1;
  SampleType type = SampleType::u8;
  // The sample that the format declares to be white: 255, 65535, or what a PGM or a DICOM file says. 0 where
  // a file declares none: with signed, 32-bit and float samples, and where values are in units of their own.
  double white = 0.0;
  double slope = 1.0, offset = 0.0;
  std::vector<uint8_t> samples = {};
  bool had_alpha = false;
  // Transparency as it was stored: [pages, height, width] samples of the same type. Empty where there is
  // none, or where it was left out.
  std::vector<uint8_t> alpha = {};
  bool alpha_is_associated = false;  // the colours have been multiplied by it
  ColourMeaning meaning = {};
  PixelDensity density = {};
  std::vector<std::string> remarks = {};
  std::variant<std::monostate, NpyOrigin, NiftiOrigin, PnmOrigin, TiffOrigin, DicomOrigin> origin = {};

  size_t page_samples() const { return static_cast<size_t>(width * height * channels); }
  size_t n_samples() const { return page_samples() * static_cast<size_t>(pages); }
  bool is_rescaled() const { return slope != 1.0 || offset != 0.0; }

  template <class T>
  std::span<const T> page(int64_t p) const {
    return {reinterpret_cast<const T*>(samples.data()) + static_cast<size_t>(p) * page_samples(),
            page_samples()};
  }
  template <class T>
  std::span<T> page(int64_t p) {
    return {reinterpret_cast<T*>(samples.data()) + static_cast<size_t>(p) * page_samples(), page_samples()};
  }
};

// 255 or 65535 for unsigned samples of 8 and 16 bit, 0 for others.
double usual_white(SampleType type);

// Takes memory for the samples that the extents ask for, all zero. The caller has checked that the file can
// hold them.
void allocate(Raster& raster);

// The smallest and the largest value of all pages. DataError naming the first sample that is no finite
// number, and for values that float32 cannot hold, or whose difference it cannot.
struct ValueRange {
  double low = 0.0, high = 0.0;
};
ValueRange value_range(const Raster& raster, const std::string& name);

// Whether some pixel has channels that differ: many files store grey pictures as RGB.
bool has_colour(const Raster& raster);
bool has_colour(const Image& image);

// Whether descriptions of a TIFF that count the channels or say how samples lie are no longer true of the
// raster, and the raster without them.
bool has_untrue_descriptions(const Raster& raster);
void leave_out_untrue_descriptions(Raster& raster);

// One channel, by ITU-R 601-2: integers as in data/preprocess, (19595 R + 38470 G + 7471 B + 2^15) >> 16;
// floats with the same weights in double.
Raster grey(Raster raster);

// The channels as pages of their own, page p and channel c as page p * channels + c; and the way back.
// ShapeError where the pages do not make whole pictures of so many channels.
Raster planes(const Raster& raster);
Raster interleaved(const Raster& raster, int channels);

// A page as levels: unsigned samples of 8 bit with 8 bit, all others with 16, so that `low` becomes 0 and
// `high` the largest level; values outside are clipped.
Image levels_of_page(const Raster& raster, int64_t page, double low, double high);
// The values that levels are spread over where nobody gives a range: 0 and white, or the file's smallest
// and largest value. For a file of one value the second is larger, by one where that is another number,
// so that there is a scale.
ValueRange natural_range(const Raster& raster, const std::string& name);

Raster raster_of(const Image& image, PictureFormat format);
// The only page of a raster, over its natural range. DataError where there are more pages, or more
// pixels than an Image holds.
Image image_of(const Raster& raster, const std::string& name);

}  // namespace primal
