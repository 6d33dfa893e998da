#include "data/image/apng.h"

#include <cstring>
#include <string_view>
#include <zlib.h>

#include "data/image/png_chunks.h"
#include "tensor/error.h"

namespace primal {
namespace {

using codec::kPngSignatureBytes;
using Bytes = std::vector<uint8_t>;

void put32(Bytes& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}
void put16(Bytes& out, int value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

uint32_t get32(std::span<const uint8_t> at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | at[3];
}

// Length, type, data and the CRC-32 of the last two.
void put_chunk(Bytes& out, std::string_view type, std::span<const uint8_t> data) {
  put32(out, static_cast<uint32_t>(data.size()));
  const size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  put32(out, static_cast<uint32_t>(crc32(0, out.data() + begin, static_cast<uInt>(out.size() - begin))));
}

// Appends the data of all chunks of a type: those of IDAT are one stream.
void put_data_of(Bytes& out, const Bytes& png, std::string_view type) {
  for (size_t at = kPngSignatureBytes; at + 12 <= png.size();) {
    const size_t length = get32(std::span(png).subspan(at));
    const uint8_t* const name = png.data() + at + 4;
    if (std::memcmp(name, type.data(), 4) == 0)
      for (size_t i = 0; i < length; ++i) out.push_back(name[4 + i]);
    at += 12 + length;
  }
}

// How long the next frame is shown: the whole area, in place of what was there before.
Bytes frame_control(uint32_t number, const Image& frame, int delay_ms) {
  Bytes data;
  put32(data, number);
  put32(data, static_cast<uint32_t>(frame.width));
  put32(data, static_cast<uint32_t>(frame.height));
  put32(data, 0);  // x
  put32(data, 0);  // y
  put16(data, delay_ms);
  put16(data, 1000);
  data.insert(data.end(), {0, 0});
  return data;
}

}  // namespace

std::vector<uint8_t> encode_apng(std::span<const Image> frames, int delay_ms) {
  if (frames.empty()) throw ShapeError("[apng] no pictures");
  const Image& first = frames.front();
  Bytes out, animation;
  put32(animation, static_cast<uint32_t>(frames.size()));
  put32(animation, 0);  // plays without end
  uint32_t number = 0;  // of the chunks that have one
  for (const Image& frame : frames) {
    if (frame.width != first.width || frame.height != first.height || frame.channels != first.channels ||
        frame.bit_depth != first.bit_depth)
      throw ShapeError("[apng] a picture of {} x {}, {} channels of {} bit among those of {} x {}, {} of {}",
                       frame.width, frame.height, frame.channels, frame.bit_depth, first.width, first.height,
                       first.channels, first.bit_depth);
    const Bytes png = encode_png(frame);
    const bool is_first = &frame == &first;
    if (is_first) {
      Bytes header;
      put_data_of(header, png, "IHDR");
      out.assign(png.begin(), png.begin() + kPngSignatureBytes);
      put_chunk(out, "IHDR", header);
      put_chunk(out, "acTL", animation);
    }
    put_chunk(out, "fcTL", frame_control(number++, frame, delay_ms));
    Bytes data;
    if (!is_first) put32(data, number++);
    put_data_of(data, png, "IDAT");
    put_chunk(out, is_first ? "IDAT" : "fdAT", data);
  }
  put_chunk(out, "IEND", {});
  return out;
}

}  // namespace primal
