#include "data/formats/formats.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fmt/format.h>

#include "data/file/file.h"
#include "data/formats/start.h"
#include "data/image/codec.h"
#include "data/image/dicom/dicom.h"
#include "data/image/nifti/nifti.h"
#include "data/image/npy/npy.h"
#include "data/image/pnm/pnm.h"
#include "data/image/tiff/tiff.h"
#include "data/image/webp/webp.h"
#include "tensor/error.h"

namespace primal {
namespace {

using Bytes = std::span<const uint8_t>;

template <Image (*decode)(Bytes, const std::string&, ImageExtras*), PictureFormat format>
Raster levels(Bytes bytes, const std::string& name) {
  ImageExtras extras;
  Raster raster = raster_of(decode(bytes, name, &extras), format);
  raster.meaning = std::move(extras.meaning);
  raster.alpha.resize(extras.alpha.size() * bytes_of(raster.type));
  dispatch_sample(raster.type, [&]<class T>() {
    std::ranges::transform(extras.alpha, reinterpret_cast<T*>(raster.alpha.data()),
                           [](uint16_t level) { return sample_of<T>(level); });
  });
  return raster;
}

// The only page of a raster of levels.
std::vector<uint8_t> encoded_png(const Raster& raster, const PngText& text) {
  ImageExtras extras{.meaning = raster.meaning};
  const Image image = levels_of_page(raster, 0, 0.0, usual_white(raster.type));
  const size_t size = bytes_of(raster.type);
  for (size_t at = 0; at + size <= raster.alpha.size(); at += size) {
    uint16_t level = raster.alpha[at];
    if (size == 2) std::memcpy(&level, raster.alpha.data() + at, 2);
    extras.alpha.push_back(level);
  }
  return codec::encode_png(image, extras, text);
}

struct Format {
  PictureFormat format;
  const char* name;
  std::array<const char*, 3> endings;  // the first is that of results
  bool (*recognises)(Bytes);
  Raster (*decode)(Bytes, const std::string&);
  bool has_pages = false;
  const char *library = nullptr, *package = nullptr;  // where this build lacks it
};

#ifdef PRIMAL_HAS_TIFF
constexpr const char *kTiff = nullptr, *kTiffPackage = nullptr;
#else
constexpr const char *kTiff = "libtiff 4.5", *kTiffPackage = "libtiff-dev";
#endif
#ifdef PRIMAL_HAS_DICOM
constexpr const char *kDicom = nullptr, *kDicomPackage = nullptr;
#else
constexpr const char *kDicom = "dcmtk 3.6.7", *kDicomPackage = "libdcmtk-dev";
#endif
#ifdef PRIMAL_HAS_WEBP
constexpr const char *kWebp = nullptr, *kWebpPackage = nullptr;
#else
constexpr const char *kWebp = "libwebp", *kWebpPackage = "libwebp-dev";
#endif

constexpr std::array kFormats{
    Format{PictureFormat::png, "png", {".png"}, codec::is_png, levels<codec::decode_png, PictureFormat::png>},
    Format{PictureFormat::jpeg,
           "jpeg",
           {".jpg", ".jpeg"},
           codec::is_jpeg,
           levels<codec::decode_jpeg, PictureFormat::jpeg>},
    Format{PictureFormat::tiff,
           "tiff",
           {".tif", ".tiff"},
           codec::is_tiff,
           codec::decode_tiff,
           true,
           kTiff,
           kTiffPackage},
    Format{PictureFormat::npy, "npy", {".npy"}, codec::is_npy, codec::decode_npy, true},
    Format{PictureFormat::npz, "npz", {".npz"}, codec::is_npz, codec::decode_npz, true},
    Format{PictureFormat::nifti_gz, "nii.gz", {".nii.gz"}, codec::is_nifti_gz, codec::decode_nifti_gz, true},
    Format{PictureFormat::nifti, "nii", {".nii"}, codec::is_nifti, codec::decode_nifti, true},
    Format{PictureFormat::pnm, "pnm", {".pgm", ".ppm", ".pnm"}, codec::is_pnm, codec::decode_pnm},
    Format{PictureFormat::pfm, "pfm", {".pfm"}, codec::is_pfm, codec::decode_pfm},
    Format{PictureFormat::webp,
           "webp",
           {".webp"},
           codec::is_webp,
           codec::decode_webp,
           false,
           kWebp,
           kWebpPackage},
    Format{PictureFormat::dicom,
           "dicom",
           {".dcm", ".dicom", ".ima"},
           codec::is_dicom,
           codec::decode_dicom,
           true,
           kDicom,
           kDicomPackage},
};

const Format& info(PictureFormat format) {
  return *std::ranges::find(kFormats, format, [](const Format& f) { return f.format; });
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

namespace codec {

bool is_tiff(Bytes start) {
  if (start.size() < 4) return false;
  // Canon's raw photos are TIFFs with a mark of their own.
  if (start.size() >= 11 && std::memcmp(start.data() + 8, "CR\2", 3) == 0) return false;
  for (const char* sign : {"II*\0", "MM\0*", "II+\0", "MM\0+"}) {
    if (std::memcmp(start.data(), sign, 4) == 0) return true;
  }
  return false;
}

bool is_webp(Bytes start) {
  return start.size() >= 12 && std::memcmp(start.data(), "RIFF", 4) == 0 &&
         std::memcmp(start.data() + 8, "WEBP", 4) == 0;
}

}  // namespace codec

std::optional<PictureFormat> format_of(Bytes start) {
  for (const Format& format : kFormats) {
    if (format.recognises(start)) return format.format;
  }
  return std::nullopt;
}

std::optional<PictureFormat> format_of_name(const std::filesystem::path& name) {
  const std::string text = lower(name.filename().string());
  for (const Format& format : kFormats) {
    for (const char* ending : format.endings) {
      // A name that is nothing but an ending is a hidden file without one.
      if (ending != nullptr && text.size() > std::strlen(ending) && text.ends_with(ending))
        return format.format;
    }
  }
  return std::nullopt;
}

const char* name_of(PictureFormat format) { return info(format).name; }
const char* ending_of(PictureFormat format) { return info(format).endings[0]; }
bool is_written(PictureFormat format) { return format != PictureFormat::jpeg; }
bool holds_extras(PictureFormat format) {
  return format == PictureFormat::png || format == PictureFormat::tiff || format == PictureFormat::webp;
}
bool holds_pages(PictureFormat format) { return info(format).has_pages; }

bool holds(PictureFormat format, SampleType type) {
  switch (format) {
    case PictureFormat::png:
    case PictureFormat::pnm:
      return type == SampleType::u8 || type == SampleType::u16;
    case PictureFormat::jpeg:
    case PictureFormat::webp:
      return type == SampleType::u8;
    case PictureFormat::pfm:
      return type == SampleType::f32;
    case PictureFormat::nifti:
    case PictureFormat::nifti_gz:
      return type != SampleType::f16;
    case PictureFormat::dicom:
      return !is_float(type);
    case PictureFormat::tiff:
    case PictureFormat::npy:
    case PictureFormat::npz:
      break;
  }
  return true;
}

PictureFormat parse_picture_format(const std::string& text) {
  std::string names;
  for (const Format& format : kFormats) {
    if (!is_written(format.format)) continue;
    if (text == format.name) return format.format;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  }
  throw ConfigError("[format] unknown format of pictures '{}', expected one of {}", text, names);
}

std::filesystem::path without_ending(const std::filesystem::path& name) {
  const std::string text = lower(name.filename().string());
  std::filesystem::path result = name;
  result.replace_extension();
  if (text.ends_with(".nii.gz") && text.size() > 7) result.replace_extension();
  return result;
}

PictureFormat result_format(PictureFormat source) {
  switch (source) {
    case PictureFormat::png:
    case PictureFormat::jpeg:
    case PictureFormat::pnm:
    case PictureFormat::webp:
      return PictureFormat::png;
    default:
      return source;
  }
}

void refuse_without_library(PictureFormat format, const std::string& name) {
  const Format& f = info(format);
  const std::string what = fmt::format(
      "this build has no {}: install {} (Debian: apt-get install {}) and configure and build again",
      f.library, f.library, f.package);
  if (name.empty()) throw ConfigError("[{}] {} cannot be written, {}", f.name, f.endings[0], what);
  throw DataError("[{}] {} is of this format, and {}", f.name, name, what);
}

void check_library(PictureFormat format, const std::string& name) {
  if (info(format).library != nullptr) refuse_without_library(format, name);
}

Raster decode_raster(Bytes bytes, const std::string& name) {
  codec::check_start(bytes.first(std::min(bytes.size(), kFileStartBytes)), name);
  const PictureFormat format = *format_of(bytes.first(std::min(bytes.size(), kFileStartBytes)));
  check_library(format, name);
  return info(format).decode(bytes, name);
}

Raster read_raster(const std::filesystem::path& path) {
  const std::string name = path.string();
  codec::check_no_device(path);
  return decode_raster(read_file(path, kMaxFileBytes, [&](Bytes start) { codec::check_start(start, name); }),
                       name);
}

std::vector<uint8_t> encode_raster(const Raster& raster, PictureFormat format, const PngText& text) {
  check_library(format, "");
  switch (format) {
    case PictureFormat::png:
      return encoded_png(raster, text);
    case PictureFormat::tiff:
      return codec::encode_tiff(raster, text);
    case PictureFormat::npy:
      return codec::encode_npy(raster);
    case PictureFormat::npz:
      return codec::encode_npz(raster);
    case PictureFormat::nifti:
      return codec::encode_nifti(raster);
    case PictureFormat::nifti_gz:
      return codec::encode_nifti_gz(raster);
    case PictureFormat::pnm:
      return codec::encode_pnm(raster);
    case PictureFormat::pfm:
      return codec::encode_pfm(raster);
    case PictureFormat::webp:
      return codec::encode_webp(raster);
    case PictureFormat::dicom:
      return codec::encode_dicom(raster, text);
    case PictureFormat::jpeg:
      break;
  }
  throw ConfigError("[format] JPEG is not written: it would change the pixels");
}

}  // namespace primal
