#include "data/file/kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>

namespace primal {
namespace {

using namespace std::string_view_literals;

// One sign of a kind: bytes at an offset.
struct Sign {
  size_t offset;
  std::string_view bytes;
  const char* name;
  const char* advice;  // IN is the file, OUT the same with the ending .png or the one that follows
};

constexpr const char* kImageMagick = "convert it to 16-bit PNG, for example with: convert IN -depth 16 OUT";
constexpr const char* kRawPhoto = "develop it to 16-bit PNG, for example with: darktable-cli IN OUT";
constexpr const char* kHeif = "convert it to PNG, for example with: heif-convert IN OUT";
constexpr const char* kJpeg2000 =
    "convert it to 16-bit PNG, for example with OpenJPEG: opj_decompress -i IN -o OUT";
constexpr const char* kJxl = "convert it to 16-bit PNG, for example with: djxl IN OUT";
constexpr const char* kWebp = "convert it to PNG, for example with: dwebp IN -o OUT";
constexpr const char* kPdf = "take its pictures out as PNG, for example with: pdfimages -png IN page";
constexpr const char* kSvg = "draw it as PNG, for example with: rsvg-convert IN -o OUT";
constexpr const char* kArray =
    "write its values as 16-bit PNG, for example with Python and Pillow: "
    "Image.fromarray(values.astype('uint16')).save('OUT')";
constexpr const char* kNifti2 =
    "make it NIfTI-1, for example with Python and nibabel: "
    "nibabel.save(nibabel.Nifti1Image.from_image(nibabel.load('IN')), 'OUT.nii')";
constexpr const char* kTorch =
    "a PyTorch checkpoint becomes .safetensors with Python: "
    "safetensors.torch.save_file(torch.load('IN', weights_only=True), 'OUT.safetensors')";

constexpr std::array kPictureAdvice{kImageMagick, kRawPhoto, kHeif, kJpeg2000, kJxl,
                                    kWebp,        kPdf,      kSvg,  kArray,    kNifti2};

// The first that fits; longer signs stand before the shorter ones they begin with.
constexpr std::array kSigns{
    Sign{0, "\x89PNG"sv, "a PNG picture", ""},
    Sign{0, "\xff\xd8\xff"sv, "a JPEG picture", ""},
    Sign{128, "DICM"sv, "a DICOM picture", ""},
    Sign{0, "GIF8"sv, "a GIF picture", kImageMagick},
    Sign{8, "WEBP"sv, "a WebP picture", kWebp},
    Sign{0, "RIFF"sv, "a RIFF file (sound or video)", ""},
    Sign{0, "IIRO"sv, "a raw photo (Olympus)", kRawPhoto},
    Sign{0, "IIU\0"sv, "a raw photo (Panasonic)", kRawPhoto},
    Sign{0, "FUJIFILM"sv, "a raw photo (Fujifilm)", kRawPhoto},
    Sign{8, "CR\x02"sv, "a raw photo (Canon)", kRawPhoto},
    Sign{0, "II*\0"sv, "a TIFF picture", kImageMagick},
    Sign{0, "MM\0*"sv, "a TIFF picture", kImageMagick},
    Sign{0, "II+\0"sv, "a BigTIFF picture", kImageMagick},
    Sign{0, "MM\0+"sv, "a BigTIFF picture", kImageMagick},
    Sign{0, "II\xbc\x01"sv, "a JPEG XR picture", kImageMagick},
    Sign{0, "\0\0\0\x0cjP  \r\n\x87\n"sv, "a JPEG 2000 picture", kJpeg2000},
    Sign{0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 picture", kJpeg2000},
    Sign{0, "\xff\x0a"sv, "a JPEG XL picture", kJxl},
    Sign{0, "\0\0\0\x0cJXL \r\n\x87\n"sv, "a JPEG XL picture", kJxl},
    Sign{4, "ftypcrx "sv, "a raw photo (Canon)", kRawPhoto},
    Sign{4, "ftypavi"sv, "an AVIF picture", kHeif},
    Sign{4, "ftyphei"sv, "a HEIC picture", kHeif},
    Sign{4, "ftyphev"sv, "a HEIC picture", kHeif},
    Sign{4, "ftypmif1"sv, "a HEIC or AVIF picture", kHeif},
    Sign{4, "ftypmsf1"sv, "a HEIC or AVIF picture", kHeif},
    Sign{4, "ftyp"sv, "a video (MP4 or QuickTime)", ""},
    Sign{0, "8BPS"sv, "a Photoshop file", kImageMagick},
    Sign{0, "gimp xcf"sv, "a GIMP file", kImageMagick},
    Sign{0, "\0\0\1\0"sv, "an icon (ICO)", kImageMagick},
    Sign{0, "\0\0\2\0\1\0"sv, "a cursor (CUR)", kImageMagick},
    Sign{0, "v/1\1"sv, "an OpenEXR picture", kImageMagick},
    Sign{0, "#?RADIANCE"sv, "a Radiance HDR picture", kImageMagick},
    Sign{0, "qoif"sv, "a QOI picture", kImageMagick},
    Sign{0, "SIMPLE  ="sv, "a FITS file", kImageMagick},
    Sign{344, "n+1\0"sv, "a NIfTI volume", ""},
    Sign{344, "ni1\0"sv, "a NIfTI volume", ""},
    Sign{4, "n+2\0\r\n\x1a\n"sv, "a NIfTI-2 volume", kNifti2},
    Sign{4, "ni2\0\r\n\x1a\n"sv, "the header of a NIfTI-2 volume in two files", kNifti2},
    Sign{0, "\x93NUMPY"sv, "a NumPy array (.npy)", kArray},
    Sign{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file", ""},
    Sign{0, "%PDF"sv, "a PDF", kPdf},
    Sign{0, "%!PS"sv, "a PostScript file", kImageMagick},
    Sign{0, "GGUF"sv, "a GGUF model", ""},
    Sign{0, "PK\3\4"sv, "a ZIP archive", kTorch},
    Sign{0, "PK\5\6"sv, "an empty ZIP archive", ""},
    Sign{0, "\x80\2"sv, "a Python pickle", kTorch},
    Sign{0, "\x80\4\x95"sv, "a Python pickle", kTorch},
    Sign{0, "\x1f\x8b"sv, "compressed with gzip", "gunzip -k IN"},
    Sign{0,
         "\xfd"
         "7zXZ\0"sv,
         "compressed with xz", "unxz -k IN"},
    Sign{0, "BZh"sv, "compressed with bzip2", "bunzip2 -k IN"},
    Sign{0, "\x28\xb5\x2f\xfd"sv, "compressed with zstd", "unzstd IN"},
    Sign{0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", ""},
    Sign{257, "ustar"sv, "a tar archive", ""},
    Sign{0,
         "\x7f"
         "ELF"sv,
         "a program", ""},
    Sign{0, "SQLite format 3"sv, "an SQLite database", ""},
    Sign{0, "version https://git-lfs"sv, "a pointer of Git LFS, not the file itself", "git lfs pull"},
};

bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Letters, and what texts have between them; UTF-8 beyond ASCII counts as letters.
bool is_text(std::span<const uint8_t> start) {
  return !start.empty() &&
         std::ranges::all_of(start, [](uint8_t c) { return c >= 0x20 || is_space(c) || c == '\f'; });
}

// The kind of a picture of the netpbm family, null for anything else. Such a picture starts with "P5" or
// another number, or with "PF" or "Pf", then white space.
const char* netpbm_kind(std::string_view start) {
  if (start.size() < 3 || start[0] != 'P' || !is_space(static_cast<uint8_t>(start[2]))) return nullptr;
  switch (start[1]) {
    case '1':
    case '4':
      return "a PBM picture";
    case '2':
    case '5':
      return "a PGM picture";
    case '3':
    case '6':
      return "a PPM picture";
    case '7':
      return "a PAM picture";
    case 'F':
    case 'f':
      return "a PFM picture";
    default:
      return nullptr;
  }
}

std::string lower_extension(const std::string& file_name) {
  std::string extension = std::filesystem::path(file_name).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::optional<Sign> text_kind(std::string_view start) {
  std::string_view text = start;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty() && is_space(static_cast<uint8_t>(text.front()))) text.remove_prefix(1);
  const auto has = [&](std::string_view word) { return text.find(word) != std::string_view::npos; };
  if (text.starts_with('<')) {
    if (has("<svg")) return Sign{0, "", "an SVG drawing", kSvg};
    return Sign{0, "",
                has("<html") || has("<!DOCTYPE html") || has("<HTML") ? "a web page (HTML)" : "an XML text",
                ""};
  }
  if (text.starts_with('{') || text.starts_with('[')) {
    const size_t after = text.find_first_not_of(" \t\r\n", 1);
    const char next = after == std::string_view::npos ? '\0' : text[after];
    // A table of TOML begins with a bracket too, but a word follows.
    if (text[0] == '{' || !std::isalpha(static_cast<unsigned char>(next)))
      return Sign{0, "", "a JSON text", ""};
  }
  return std::nullopt;
}

// A name for what the file becomes: its own with another ending, or where that is its own already, with
// "_converted".
std::string converted(const std::filesystem::path& name, const char* ending) {
  const std::filesystem::path unpacked = lower_extension(name) == ".gz" ? name.stem() : name;
  const std::filesystem::path result = std::filesystem::path(unpacked).replace_extension(ending);
  return result == name ? name.stem().string() + "_converted" + ending : result.string();
}

// IN and OUT as words in a command, by the names of the file; as they are where the file has no plain name.
std::string fill_in(std::string_view advice, const std::string& file_name) {
  const std::filesystem::path name = std::filesystem::path(file_name).filename();
  if (name.empty() || name.string().find_first_of(" '\"$`\\&;|<>()*?[]#~!\n") != std::string::npos)
    return std::string(advice);
  std::string out;
  while (!advice.empty()) {
    if (advice.starts_with("OUT")) {
      advice.remove_prefix(3);
      const char* ending = ".png";
      for (const char* other : {".safetensors", ".nii"}) {
        if (!advice.starts_with(other)) continue;
        ending = other;
        advice.remove_prefix(std::string_view(other).size());
      }
      out += converted(name, ending);
    } else if (advice.starts_with("IN")) {
      out += name.string();
      advice.remove_prefix(2);
    } else {
      out += advice.front();
      advice.remove_prefix(1);
    }
  }
  return out;
}

// The header of a Windows bitmap follows its 14 bytes of file header, and says its own size.
bool is_bmp(std::span<const uint8_t> start) {
  constexpr std::array<uint8_t, 7> kHeaders{12, 40, 52, 56, 64, 108, 124};
  return start.size() >= 18 && start[0] == 'B' && start[1] == 'M' && start[15] == 0 && start[16] == 0 &&
         std::ranges::count(kHeaders, start[14]) > 0;
}

// The length of the header, whose upper bytes are zero, then the header's brace.
bool is_safetensors(std::span<const uint8_t> start) {
  return start.size() >= 10 && start[8] == '{' && start[5] == 0 && start[6] == 0 && start[7] == 0;
}

// For what has no sign at its beginning.
std::optional<Sign> kind_by_name(std::span<const uint8_t> start, const std::string& file_name) {
  const std::string extension = lower_extension(file_name);
  if (is_text(start)) {
    if (extension == ".csv" || extension == ".tsv") return Sign{0, "", "a CSV table", ""};
    if (extension == ".toml") return Sign{0, "", "a TOML text", ""};
    return Sign{0, "", "a text", ""};
  }
  if (extension == ".tga") return Sign{0, "", "a TGA picture", kImageMagick};
  if (extension == ".pcx") return Sign{0, "", "a PCX picture", kImageMagick};
  if (extension == ".raw") return Sign{0, "", "a file of samples or a raw photo", kImageMagick};
  return std::nullopt;
}

}  // namespace

std::optional<FileKind> kind_of(std::span<const uint8_t> start, const std::string& file_name) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  std::optional<Sign> found;
  // First: the length of a header may begin with the sign of another kind.
  if (is_safetensors(start)) return FileKind{"a safetensors file", ""};
  for (const Sign& sign : kSigns) {
    if (start.size() < sign.offset + sign.bytes.size()) continue;
    if (text.substr(sign.offset, sign.bytes.size()) != sign.bytes) continue;
    found = sign;
    break;
  }
  if (!found && is_bmp(start)) found = Sign{0, "", "a BMP picture", kImageMagick};
  if (const char* netpbm = netpbm_kind(text); !found && netpbm != nullptr)
    found = Sign{0, "", netpbm, kImageMagick};
  if (!found) found = text_kind(text);
  if (!found) found = kind_by_name(start, file_name);
  if (!found) return std::nullopt;
  const std::string_view advice = found->advice, kind = found->name;
  const bool of_picture =
      kind.ends_with(" picture") || kind.ends_with(" volume") ||
      std::ranges::any_of(kPictureAdvice, [&](std::string_view other) { return advice == other; });
  return FileKind{found->name, fill_in(advice, file_name), advice == kTorch, of_picture};
}

std::string hex_start(std::span<const uint8_t> start) {
  std::string text = "it starts with";
  for (const uint8_t b : start.first(std::min<size_t>(start.size(), 8))) text += fmt::format(" {:02x}", b);
  return text;
}

}  // namespace primal
