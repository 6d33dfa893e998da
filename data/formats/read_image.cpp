// Pictures as levels, out of every format: decode_image and read_image of data/image/image.h.
#include <algorithm>
#include <optional>
#include <vector>

#include "data/file/file.h"
#include "data/file/kind.h"
#include "data/formats/formats.h"
#include "data/formats/start.h"
#include "data/idx/gzip.h"
#include "data/image/codec.h"
#include "data/image/nifti/nifti.h"
#include "tensor/error.h"

namespace primal {
namespace {

// If gzip has packed a volume of NIfTI-2, that volume is named, as one of NIfTI-1 is.
std::optional<FileKind> kind_of_picture(std::span<const uint8_t> start, const std::string& name) {
  if (is_gzip(start)) {
    try {
      const std::vector<uint8_t> unpacked = gunzip_start(start, name, codec::kNifti2SignBytes);
      if (codec::is_nifti2(unpacked)) return kind_of(unpacked, name);
    } catch (const DataError&) {  // damaged: it stays a file packed with gzip
    }
  }
  return kind_of(start, name);
}

constexpr const char* kExpected = "PNG, JPEG, TIFF, NumPy, NIfTI-1, PGM, PPM, PFM, WebP or DICOM";

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  codec::check_start(bytes.first(std::min(bytes.size(), kFileStartBytes)), name);
  if (codec::is_png(bytes)) return codec::decode_png(bytes, name);
  if (codec::is_jpeg(bytes)) return codec::decode_jpeg(bytes, name);
  return image_of(decode_raster(bytes, name), name);
}

Image read_image(const std::filesystem::path& path) {
  codec::check_no_device(path);
  const std::string name = path.string();
  const StartCheck check = [&](std::span<const uint8_t> start) { codec::check_start(start, name); };
  return decode_image(read_file(path, kMaxFileBytes, check), name);
}

namespace codec {

void check_start(std::span<const uint8_t> start, const std::string& name) {
  if (start.empty()) throw DataError("[image] {} is empty, expected a picture: {}", name, kExpected);
  if (const std::optional<PictureFormat> format = format_of(start)) return check_library(*format, name);
  const std::optional<FileKind> kind = kind_of_picture(start, name);
  if (!kind) throw DataError("[image] {} is no picture of a known kind: {}", name, hex_start(start));
  const std::string advice = kind->advice.empty() || kind->for_tensors ? hex_start(start) : kind->advice;
  throw DataError("[image] {} is {}, expected {}: {}", name, kind->name, kExpected, advice);
}

void check_no_device(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_character_file(path, error) || std::filesystem::is_block_file(path, error))
    throw DataError("[image] {} is a device, expected a picture: {}", path.string(), kExpected);
}

}  // namespace codec
}  // namespace primal
