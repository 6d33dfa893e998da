#include <algorithm>
#include <cmath>

#include "data/image/dicom/derived.h"
#include "data/image/dicom/dicom.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

// An attribute's length has four bytes, and all ones say that it is unknown.
constexpr uint64_t kMostBytes = 0xfffffffe;
constexpr int64_t kMostSide = 65535;

// Samples as they are stored: within their bits, and turned around where zero is white.
template <class T>
std::vector<T> stored(const Raster& raster) {
  const DicomPixels pixels = pixels_of(raster);
  const int value_bits = pixels.bits_stored - (std::is_signed_v<T> ? 1 : 0);
  const auto most = static_cast<T>(std::exp2(value_bits) - 1.0);
  const auto least = static_cast<T>(std::is_signed_v<T> ? -std::exp2(value_bits) : 0.0);
  const bool turns_around = pixels.white_is_zero && raster.white > 0.0;
  std::vector<T> all;
  all.reserve(raster.n_samples() + 1);
  for (int64_t p = 0; p < raster.pages; ++p) {
    for (const T sample : raster.page<T>(p)) {
      const T held = std::clamp(sample, least, most);
      all.push_back(turns_around ? static_cast<T>(most - held) : held);
    }
  }
  return all;
}

template <class T>
void put_pixels(DcmDataset& dataset, const Raster& raster) {
  std::vector<T> samples = stored<T>(raster);
  OFCondition status;
  if constexpr (sizeof(T) == 1) {
    status = dataset.putAndInsertUint8Array(DCM_PixelData, reinterpret_cast<const Uint8*>(samples.data()),
                                            samples.size());
  } else {
    if (kNativeIsBig && sizeof(T) == 4) {  // words of two bytes in this machine's order, the lower one first
      const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(samples.data()), samples.size() * sizeof(T));
      swap_bytes(bytes, 4);
      swap_bytes(bytes, 2);
    }
    status = dataset.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16*>(samples.data()),
                                             samples.size() * sizeof(T) / 2);
  }
  if (status.bad())
    throw DeviceError("[dicom] cannot encode {} pages of {} x {} pixels: {}", raster.pages, raster.width,
                      raster.height, status.text());
}

}  // namespace

std::vector<uint8_t> encode_dicom(const Raster& raster, const PngText& text) {
  if (raster.width > kMostSide || raster.height > kMostSide || raster.samples.size() > kMostBytes)
    throw ConfigError(
        "[dicom] {} pages of {} x {} pixels in {} bytes: DICOM holds {} a side and {} bytes at most",
        raster.pages, raster.width, raster.height, raster.samples.size(), kMostSide, kMostBytes);
  prepare_dcmtk("the result");
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  if (const auto* origin = std::get_if<DicomOrigin>(&raster.origin))
    set_attributes(dataset, origin->attributes);
  derive_attributes(dataset, raster, text);
  dispatch_sample(raster.type, [&]<class T>() {
    if constexpr (std::is_integral_v<T>)
      put_pixels<T>(dataset, raster);
    else
      throw ConfigError("[dicom] {} samples, DICOM holds integers: give --format tiff", name_of(raster.type));
  });
  return bytes_of(file);
}

}  // namespace primal::codec
