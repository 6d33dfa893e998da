#include "data/image/dicom/frames.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace primal::codec {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kRleHeader = 64, kMaxSegments = 15;

uint32_t little32(Bytes bytes, size_t at) {
  return bytes[at] | uint32_t{bytes[at + 1]} << 8 | uint32_t{bytes[at + 2]} << 16 |
         uint32_t{bytes[at + 3]} << 24;
}
uint32_t big16(Bytes bytes, size_t at) { return uint32_t{bytes[at]} << 8 | bytes[at + 1]; }

// The number of bytes that a segment decodes to, of which `expected` are pixels. Zeros behind
// them fill the segment up.
uint64_t decoded_bytes(Bytes segment, uint64_t expected) {
  constexpr uint8_t kNothing = 128;
  uint64_t n = 0;
  for (size_t at = 0; at < segment.size();) {
    const Bytes rest = segment.subspan(at);
    if (n == expected && std::ranges::all_of(rest, [](uint8_t byte) { return byte == 0; })) break;
    const uint8_t code = rest[0];
    const size_t left = rest.size() - 1;
    if (code > kNothing && left > 0) n += 257 - uint64_t{code};              // the next byte so many times
    if (code < kNothing) n += std::min<uint64_t>(uint64_t{code} + 1, left);  // so many bytes as they are
    at += 1 + (code > kNothing ? 1 : code < kNothing ? size_t{code} + 1 : size_t{0});
  }
  return n;
}

// What the frame header of a JPEG or JPEG-LS states.
struct JpegSize {
  uint32_t precision = 0, height = 0, width = 0, components = 0;
};

bool is_frame_header(uint8_t marker) {
  constexpr uint8_t kHuffman = 0xc4, kReserved = 0xc8, kArithmetic = 0xcc, kJpegLs = 0xf7;
  return marker == kJpegLs || (marker >= 0xc0 && marker <= 0xcf && marker != kHuffman &&
                               marker != kReserved && marker != kArithmetic);
}

// Nothing if the scan begins, or the bytes end, before a frame header.
std::optional<JpegSize> size_of_jpeg(Bytes jpeg) {
  constexpr uint8_t kMark = 0xff, kFirstBare = 0xd0, kLastBare = 0xd9, kScan = 0xda;
  for (size_t at = 0; at + 4 <= jpeg.size();) {
    const uint8_t marker = jpeg[at + 1];
    if (jpeg[at] != kMark || marker == kMark || marker == 0) {  // a byte that fills, or that is left over
      ++at;
      continue;
    }
    if (marker == kScan) return std::nullopt;
    constexpr size_t kNeeded = 10;
    if (is_frame_header(marker)) {
      if (at + kNeeded > jpeg.size()) return std::nullopt;
      return JpegSize{jpeg[at + 4], big16(jpeg, at + 5), big16(jpeg, at + 7), jpeg[at + 9]};
    }
    at += 2 + (marker >= kFirstBare && marker <= kLastBare ? 0 : big16(jpeg, at + 2));
  }
  return std::nullopt;
}

bool has_end(Bytes jpeg) {
  for (size_t at = jpeg.size(); at >= 2; --at) {
    if (jpeg[at - 2] == 0xff && jpeg[at - 1] == 0xd9) return true;
  }
  return false;
}

class FrameCheck {
 public:
  FrameCheck(Bytes bytes, const DicomHeader& header)
      : bytes_(bytes), h_(header), parts_(header.elements->find(tag::kPixels)->parts) {}

  std::vector<std::string> run() {
    const std::vector<size_t> starts = frame_starts();
    if (starts.size() < h_.frames)
      fail(fmt::format("has {} compressed frame{}, expected {} (NumberOfFrames)", starts.size(),
                       starts.size() == 1 ? "" : "s", h_.frames));
    if (starts.size() > h_.frames)
      remarks_.push_back(
          fmt::format("its pixel data has {} frames, and NumberOfFrames says {}: the others are left out",
                      starts.size(), h_.frames));
    for (frame_ = 0; frame_ < h_.frames; ++frame_) {
      const size_t end = frame_ + 1 < starts.size() ? starts[frame_ + 1] : parts_.size();
      std::vector<uint8_t> joined;
      const Bytes frame = joined_parts(starts[frame_], end, joined);
      h_.packing == DicomPacking::rle ? check_rle(frame) : check_jpeg(frame);
    }
    return std::move(remarks_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { h_.elements->fail(tag::kPixels, what); }
  [[noreturn]] void fail_frame(const std::string& what) const {
    fail(fmt::format("is wrong in frame {} of {}: it {}", frame_ + 1, h_.frames, what));
  }
  Bytes part(size_t i) const { return bytes_.subspan(parts_[i].offset, parts_[i].length); }
  uint64_t n_segments() const { return h_.bytes_per_pixel(); }

  // The fragments that frames begin with. A frame may have several fragments, and its first one shows it.
  std::vector<size_t> frame_starts() const {
    std::vector<size_t> starts;
    const bool is_one_each = parts_.size() == h_.frames;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (is_one_each || i == 0 || begins_frame(part(i))) starts.push_back(i);
    }
    return starts;
  }

  bool begins_frame(Bytes fragment) const {
    if (h_.packing == DicomPacking::rle)
      return fragment.size() >= kRleHeader && little32(fragment, 0) == n_segments() &&
             little32(fragment, 4) == kRleHeader;
    return fragment.size() >= 2 && fragment[0] == 0xff && fragment[1] == 0xd8;
  }

  Bytes joined_parts(size_t begin, size_t end, std::vector<uint8_t>& joined) const {
    if (end == begin + 1) return part(begin);
    for (size_t i = begin; i < end; ++i) joined.insert(joined.end(), part(i).begin(), part(i).end());
    return joined;
  }

  void check_rle(Bytes frame) {
    if (frame.size() < kRleHeader)
      fail_frame(fmt::format("has {} bytes, expected an RLE header of {}", frame.size(), kRleHeader));
    if (little32(frame, 0) != n_segments() || n_segments() > kMaxSegments)
      fail_frame(fmt::format("has {} RLE segments, expected {}: one for each byte of a pixel",
                             little32(frame, 0), n_segments()));
    const uint64_t expected = h_.width * h_.height;
    for (uint64_t s = 0; s < n_segments(); ++s) {
      const size_t begin = little32(frame, 4 + 4 * s),
                   end = s + 1 < n_segments() ? little32(frame, 8 + 4 * s) : frame.size();
      if (begin < kRleHeader || begin > end || end > frame.size())
        fail_frame(fmt::format("has RLE segment {} at bytes {} to {}, expected it between {} and {}", s + 1,
                               begin, end, kRleHeader, frame.size()));
      const uint64_t found = decoded_bytes(frame.subspan(begin, end - begin), expected);
      if (found < expected)
        fail_frame(fmt::format("decodes to {} bytes in RLE segment {}, expected {}: {} rows of {} columns",
                               found, s + 1, expected, h_.height, h_.width));
      if (found > expected) remark_on_size(found, expected);
    }
  }

  void remark_on_size(uint64_t found, uint64_t expected) {
    if (has_size_remark_) return;
    has_size_remark_ = true;
    remarks_.push_back(
        fmt::format("its frame {} has {} pixels, and {} rows of {} columns take {}: the others are left out",
                    frame_ + 1, found, h_.height, h_.width, expected));
  }

  void check_jpeg(Bytes frame) const {
    const std::optional<JpegSize> size = size_of_jpeg(frame);
    if (!size || !has_end(frame))
      fail_frame(fmt::format("has no {} in {} bytes: its JPEG data is truncated or broken",
                             size ? "end marker" : "frame header", frame.size()));
    const auto bits = static_cast<uint32_t>(h_.bits_allocated);
    if (size->width == h_.width && size->height == h_.height &&
        size->components == static_cast<uint32_t>(h_.channels) && size->precision <= bits &&
        size->precision + 8 > bits)
      return;
    fail_frame(fmt::format(
        "has a JPEG of {} x {} pixels with {} sample{} of {} bits, expected {} x {} with {} of {} to {} bits",
        size->width, size->height, size->components, size->components == 1 ? "" : "s", size->precision,
        h_.width, h_.height, h_.channels, bits - 7, bits));
  }

  Bytes bytes_;
  const DicomHeader& h_;
  const std::vector<DicomElement::Part>& parts_;
  std::vector<std::string> remarks_;
  uint64_t frame_ = 0;
  bool has_size_remark_ = false;
};

}  // namespace

std::vector<std::string> check_frames(Bytes bytes, const DicomHeader& header) {
  return FrameCheck(bytes, header).run();
}

}  // namespace primal::codec
