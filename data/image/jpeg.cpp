// JPEG through libjpeg-turbo: baseline and progressive, Huffman and arithmetic coding, grey, RGB, CMYK and
// YCCK. Decoding is the library's default (accurate integer inverse DCT, smooth chroma upsampling), which is
// what Pillow uses.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <vector>

// jpeglib.h needs cstdio before it, and jerror.h needs jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "data/image/codec.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

// A progressive file may hold any number of scans over the whole picture, each a few bytes long; real ones
// have about ten.
constexpr int kMaxScans = 500;

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
[[gnu::noinline]] bool guarded(Session& session, const Calls& calls) {
  if (setjmp(session.escape) != 0) return false;
  calls();
  return true;
}

template <class Calls>
void run(Session& session, const std::string& name, std::span<const uint8_t> bytes, const Calls& calls) {
  if (guarded(session, calls)) return;
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
  throw DataError("[jpeg] {} is corrupt near byte {}: {}", name, bytes.size() - std::min(left, bytes.size()),
                  session.message.data());
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  constexpr std::array<uint8_t, 6> kExif{'E', 'x', 'i', 'f', 0, 0};
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1 || marker->data_length < kExif.size()) continue;
    if (std::memcmp(marker->data, kExif.data(), kExif.size()) != 0) continue;
    return exif_orientation({marker->data + kExif.size(), marker->data_length - kExif.size()});
  }
  return 1;
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

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name) {
  Session session;
  jpeg_decompress_struct& jpeg = session.jpeg;
  run(session, name, bytes, [&] {
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &session.progress;
    jpeg_mem_src(&jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&jpeg, TRUE);
  });
  // Huffman coding spends at least one bit on each 8 x 8 block of the finest component; arithmetic coding has
  // no such floor, and is given a hundred times more.
  const double max_pixels_per_byte = 64.0 * 8.0 * (jpeg.arith_code ? 100.0 : 1.0);
  check_extent(name, "jpeg", jpeg.image_width, jpeg.image_height, bytes.size(), max_pixels_per_byte);

  const int orientation = orientation_of(jpeg);  // finishing drops the markers
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
  return upright(std::move(image), orientation);
}

}  // namespace primal::codec
