// JPEG through libjpeg-turbo: baseline and progressive, Huffman and arithmetic coding, grey, RGB, CMYK and
// YCCK. Decoding is the library's default (accurate integer inverse DCT, smooth chroma upsampling), which is
// what Pillow uses.
#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <string_view>
#include <vector>

// jpeglib.h needs cstdio before it, and jerror.h needs jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "data/image/codec.h"
#include "data/image/exif_density.h"
#include "data/image/orientation.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

// A progressive file may hold any number of scans over the whole picture, each a few bytes long; real ones
// have about ten.
constexpr int kMaxScans = 500;

constexpr const char* kAdvice =
    "8-bit baseline and progressive JPEG are read; save it again as PNG (16-bit if it has more than 8) "
    "with the program it comes from";

struct Session {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message{};
  bool ran_out = false;

  Session() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = on_progress;
  }
  ~Session() { jpeg_destroy_decompress(&jpeg); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[noreturn]] static void on_error(j_common_ptr common) {
    auto* self = static_cast<Session*>(common->client_data);
    (*common->err->format_message)(common, self->message.data());
    std::longjmp(self->escape, 1);
  }
  // Warnings (level < 0) that mean lost picture data become errors; the others leave the picture whole.
  static void on_message(j_common_ptr common, int level) {
    if (level >= 0) return;
    const int code = common->err->msg_code;
    static_cast<Session*>(common->client_data)->ran_out = code == JWRN_JPEG_EOF;
    if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
        code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC) {
      on_error(common);
    }
  }
  static void on_progress(j_common_ptr common) {
    auto* self = static_cast<Session*>(common->client_data);
    if (self->jpeg.input_scan_number <= kMaxScans) return;
    std::snprintf(self->message.data(), self->message.size(), "more than %d scans", kMaxScans);
    std::longjmp(self->escape, 1);
  }
};

// Runs library calls that may longjmp; false when one did. `calls` must not own anything with a destructor
// (codec.h).
template <class Calls>
[[gnu::noinline]] bool guarded_session(Session& session, const Calls& calls) {
  if (setjmp(session.escape) != 0) return false;
  calls();
  return true;
}

template <class Calls>
void run(Session& session, const std::string& name, std::span<const uint8_t> bytes, const Calls& calls) {
  if (guarded_session(session, calls)) return;
  if (session.ran_out) {
    // A progressive picture is read to its end before the first row comes out.
    const jpeg_decompress_struct& jpeg = session.jpeg;
    const std::string place = jpeg.output_height > 0 && jpeg.output_scanline > 0
                                  ? fmt::format("at row {} of {}", jpeg.output_scanline, jpeg.output_height)
                                  : "inside the picture";
    throw DataError("[jpeg] {} is truncated: its {} bytes end {}, expected the end marker; copy it again",
                    name, bytes.size(), place);
  }
  const size_t left = session.jpeg.src == nullptr ? bytes.size() : session.jpeg.src->bytes_in_buffer;
  if (session.jpeg.err->msg_code == JERR_ARITH_NOTIMPL) {
    throw DataError(
        "[jpeg] {} is an arithmetic-coded JPEG, which the libjpeg of this build does not read: {}", name,
        kAdvice);
  }
  throw DataError("[jpeg] {} is corrupt near byte {}: {}", name, bytes.size() - std::min(left, bytes.size()),
                  session.message.data());
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  OrientationFinder finder;
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1) continue;
    const std::span<const uint8_t> data(marker->data, marker->data_length);
    const std::string_view text(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (text.starts_with(kExif)) finder.append_exif(data.subspan(kExif.size()));
    if (text.starts_with(kXmp)) finder.add_xmp(text.substr(kXmp.size()));
  }
  return finder.orientation();
}

// The profile, whose parts are numbered from 1 and say how many there are (ICC.1:2022, B.4). Empty where
// there is none or a part is missing; the first of two that have the same number counts.
std::vector<uint8_t> profile_of(const jpeg_decompress_struct& jpeg) {
  constexpr std::string_view kStart("ICC_PROFILE\0", 12);
  std::array<const jpeg_marker_struct*, 256> parts{};
  size_t n_parts = 0;
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 2 || marker->data_length < kStart.size() + 2) continue;
    if (std::memcmp(marker->data, kStart.data(), kStart.size()) != 0) continue;
    const uint8_t number = marker->data[kStart.size()];
    n_parts = marker->data[kStart.size() + 1];
    if (parts[number] == nullptr) parts[number] = marker;
  }
  std::vector<uint8_t> profile;
  for (size_t number = 1; number <= n_parts; ++number) {
    const jpeg_marker_struct* const part = parts[number];
    if (part == nullptr) return {};
    profile.insert(profile.end(), part->data + kStart.size() + 2, part->data + part->data_length);
  }
  return profile;
}

// What the frame header says the picture is coded with, where that is not read here: "a lossless JPEG
// (SOF3)". Looked for before the library, whose versions differ in what they read and call the rest corrupt.
// Empty where it is read, or where there is no frame header that could say.
//
//   SOF0..SOF15: marker FF C0 .. CF without C4, C8 and CC; then u16 length, u8 bits per sample, u16 height,
//                u16 width, u8 components (ITU-T T.81, B.2.2 and table B.1)
std::string unsupported_process(std::span<const uint8_t> bytes) {
  constexpr uint8_t kJpegLs = 0xf7, kHierarchical = 0xde, kScan = 0xda, kEndOfImage = 0xd9;
  for (size_t at = 2; at + 4 <= bytes.size();) {
    if (bytes[at] != 0xff) return {};  // the library finds what is wrong
    const uint8_t marker = bytes[at + 1];
    if (marker == 0xff) {  // fill bytes
      ++at;
      continue;
    }
    if (marker == kScan || marker == kEndOfImage) return {};
    if (marker == kHierarchical) return "a hierarchical JPEG";
    if (marker == kJpegLs) return "a JPEG-LS picture";
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    const size_t length = static_cast<size_t>(bytes[at + 2]) << 8 | bytes[at + 3];
    if (!is_frame) {
      at += 2 + std::max<size_t>(length, 2);
      continue;
    }
    if (at + 10 > bytes.size()) return {};
    const int process = marker - 0xc0, bits = bytes[at + 4], components = bytes[at + 9];
    if (process % 4 == 3) return fmt::format("a lossless JPEG (SOF{})", process);
    if (process == 5 || process == 6 || process == 13 || process == 14)
      return fmt::format("a hierarchical JPEG (SOF{})", process);
    if (bits != 8) return fmt::format("a JPEG of {} bits per sample", bits);
    if (components == 2 || components > 4) return fmt::format("a JPEG of {} components", components);
    return {};
  }
  return {};
}

// What JFIF says, in dots per inch or centimetre, and else what EXIF says.
PixelDensity density_of(const jpeg_decompress_struct& jpeg) {
  constexpr int kInch = 1, kCentimetre = 2;
  constexpr std::string_view kExif("Exif\0\0", 6);
  if (!jpeg.saw_JFIF_marker || (jpeg.density_unit != kInch && jpeg.density_unit != kCentimetre)) {
    for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view text(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (marker->marker == JPEG_APP0 + 1 && text.starts_with(kExif))
        return exif_density({marker->data + kExif.size(), marker->data_length - kExif.size()});
    }
    return {};
  }
  const double per_metre = jpeg.density_unit == kInch ? 1.0 / 0.0254 : 100.0;
  return PixelDensity::stated(static_cast<uint32_t>(std::lround(jpeg.X_density * per_metre)),
                              static_cast<uint32_t>(std::lround(jpeg.Y_density * per_metre)));
}

// One row of inverted CMYK, 4 samples a pixel, to RGB in 8-bit arithmetic as Pillow does it: with nk = 255 -
// K, R = nk - round(C nk / 255). Inverted storage holds 255 - C and 255 - K.
void cmyk_to_rgb(const uint8_t* cmyk, uint16_t* rgb, int64_t width) {
  for (int64_t x = 0; x < width; ++x) {
    const int nk = cmyk[4 * x + 3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[4 * x + c]) * nk + 128;
      rgb[3 * x + c] = static_cast<uint16_t>(std::max(nk - (((product >> 8) + product) >> 8), 0));
    }
  }
}

}  // namespace

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, ImageExtras* extras) {
  if (const std::string process = unsupported_process(bytes); !process.empty()) {
    throw DataError("[jpeg] {} is {}, which is not supported: {}", name, process, kAdvice);
  }
  Session session;
  jpeg_decompress_struct& jpeg = session.jpeg;
  run(session, name, bytes, [&] {
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &session.progress;
    jpeg_mem_src(&jpeg, bytes.data(), bytes.size());
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
    if (extras != nullptr) jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&jpeg, TRUE);
  });
  // Huffman coding spends at least one bit on each 8 x 8 block of the finest component; arithmetic coding has
  // no such floor, and is given a hundred times more.
  const double max_pixels_per_byte = 64.0 * 8.0 * (jpeg.arith_code ? 100.0 : 1.0);
  check_extent(name, "jpeg", jpeg.image_width, jpeg.image_height, bytes.size(), max_pixels_per_byte);

  const int orientation = orientation_of(jpeg);  // finishing drops the markers
  const PixelDensity density = density_of(jpeg);
  const std::vector<uint8_t> profile = extras == nullptr ? std::vector<uint8_t>() : profile_of(jpeg);
  const bool cmyk = jpeg.num_components == 4;
  const bool grey = jpeg.num_components == 1;
  run(session, name, bytes, [&] {
    jpeg.out_color_space = cmyk ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
  });
  Image image(jpeg.output_width, jpeg.output_height, grey ? 1 : 3);
  std::vector<uint8_t> cmyk_row(cmyk ? static_cast<size_t>(image.width) * 4 : 0);
  run(session, name, bytes, [&] {
    for (int64_t y = 0; y < image.height; ++y) {
      JSAMPROW row = cmyk ? cmyk_row.data() : row_bytes(image.row(y));
      if (jpeg_read_scanlines(&jpeg, &row, 1) != 1) continue;
      if (cmyk) {
        cmyk_to_rgb(cmyk_row.data(), image.row(y), image.width);
      } else {
        widen_in_place(image.row(y), image.width * image.channels);
      }
    }
    jpeg_finish_decompress(&jpeg);
  });
  image.density = density;
  Image result = upright(std::move(image), orientation);
  if (extras != nullptr) take_profile(extras->meaning, profile, result.channels, result.remarks);
  return result;
}

}  // namespace primal::codec
