// The formats of picture files: how each is recognised, what it holds, how it is read and written.
//
//   option   endings                 read                       written                       library
//   png      .png                    1 .. 16 bit                uint8 uint16                  libpng
//   jpeg     .jpg .jpeg              8 bit                      no                            libjpeg-turbo
//   tiff     .tif .tiff              ints, floats, pages        the same                      libtiff *
//   npy      .npy                    ints, floats, pages        the same                      none
//   npz      .npz                    the same, one array        the same                      libzip
//   nii      .nii                    ints, floats, pages        the same but float16          none
//   nii.gz   .nii.gz                 the same                   the same                      zlib
//   pnm      .pgm .ppm .pnm          uint8 uint16               uint8 uint16                  none
//   pfm      .pfm                    float32                    float32                       none
//   webp     .webp                   uint8                      uint8                         libwebp *
//   dicom    .dcm .dicom .ima        ints, pages                the same                      dcmtk *
//   * optional when Primal is configured
//
// A file's first bytes say what it is, never its name. Names say how results are written.
// Errors:  DataError as in data/image/image.h; a format whose library the build lacks is recognised, and the
//          message names the Debian package. Nothing is allocated for extents that the file cannot hold.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/image/raster/raster.h"

namespace primal {

// The format of a file by its first kFileStartBytes bytes (data/file/file.h) or all there are. Nothing for
// what is no picture of ours.
std::optional<PictureFormat> format_of(std::span<const uint8_t> start);
// The format of a name by its ending, in upper or lower case: ".nii.gz" before ".gz".
std::optional<PictureFormat> format_of_name(const std::filesystem::path& name);

inline bool has_raster_extension(const std::filesystem::path& name) {
  return format_of_name(name).has_value();
}

// "png", "nii.gz": as in the table above.
const char* name_of(PictureFormat format);
// ConfigError for another text.
PictureFormat parse_picture_format(const std::string& text);

// The ending that results get: ".tif", ".nii.gz".
const char* ending_of(PictureFormat format);
bool is_written(PictureFormat format);  // all but JPEG
bool holds_pages(PictureFormat format);
bool holds_extras(PictureFormat format);  // transparency and colour profiles

// What of a raster's transparency, colour profile, gamma and chromaticities a file of the format goes
// without, as remarks: "its transparency is left out: npy holds none". A profile of RGB does not belong to a
// raster that has become grey, and neither does the description of a TIFF that counts its channels.
struct Loss {
  enum class What { alpha, profile, gamma, description } what;
  std::string remark;
};
std::vector<Loss> lost_in(const Raster& raster, PictureFormat format);
bool holds(PictureFormat format, SampleType type);

// What an image's name is without the ending of a picture: "a.nii.gz" and "a.tif" are "a";
// another ending is removed too.
std::filesystem::path without_ending(const std::filesystem::path& name);

// The format that denoised pictures of a format get where nobody asks for another: their own where it holds
// values and pages that PNG does not, PNG otherwise.
PictureFormat result_format(PictureFormat source);

// Throws DataError or, with an empty name, ConfigError, where this build lacks the library of a format.
void check_library(PictureFormat format, const std::string& name);
[[noreturn]] void refuse_without_library(PictureFormat format, const std::string& name);

Raster decode_raster(std::span<const uint8_t> bytes, const std::string& name);
Raster read_raster(const std::filesystem::path& path);

// The raster in another format: as it is where the format holds it; values of a rescaled file become float32
// in a format without a scale, float16 becomes float32 where there is none, and other samples than those of
// PNG, PNM and WebP become 16-bit levels over [low, high]. DataError naming the picture for several pages in
// a format of one, where levels would be lost that WebP or PFM do not hold, for colours in NIfTI, for pages
// that a NumPy array does not tell from colours, and for floats and frames that no object of DICOM takes.
void check_fits(const Raster& raster, PictureFormat format, const std::string& name);
Raster fitted(Raster raster, PictureFormat format, double low, double high, const std::string& name);

// A file of the format, which holds the raster (fitted() above); `text` says how it came about, for PNG and
// TIFF.
std::vector<uint8_t> encode_raster(const Raster& raster, PictureFormat format, const PngText& text = {});

inline constexpr const char* kRasterExtensions =
    ".png .jpg .jpeg .tif .tiff .npy .npz .nii .nii.gz .pgm .ppm .pnm .pfm .webp .dcm .dicom .ima";

}  // namespace primal
