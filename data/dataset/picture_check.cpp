#include "data/dataset/picture_check.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

#include "data/image/image.h"
#include "data/image/raster/raster.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

// A regular file that is read here and there.
class Pieces {
 public:
  explicit Pieces(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) return;
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~Pieces() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  uint64_t size() const { return size_; }

  // False where the file ends before.
  bool read(uint64_t offset, std::span<uint8_t> to) const {
    if (offset > size_ || to.size() > size_ - offset) return false;
    for (size_t done = 0; done < to.size();) {
      const ssize_t n =
          ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
      if (n <= 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  }

 private:
  int descriptor_;
  uint64_t size_ = 0;
};

struct Extent {
  int64_t width, height;
};

// Nothing for an extent that only the reader can judge.
std::optional<Extent> usual(uint64_t width, uint64_t height) {
  if (width == 0 || height == 0 || width > static_cast<uint64_t>(kMaxPixels) / height) return {};
  return Extent{static_cast<int64_t>(width), static_cast<int64_t>(height)};
}

uint32_t big_endian(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}

bool is_depth_of(int colour_type, int depth) {
  const bool whole = depth == 8 || depth == 16;
  switch (colour_type) {
    case 0:
      return whole || depth == 1 || depth == 2 || depth == 4;
    case 3:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case 2:
    case 4:
    case 6:
      return whole;
    default:
      return false;
  }
}

// A PNG whose IHDR is right and whose chunks lie inside the file, up to IEND.
std::optional<Extent> extent_of_png(const Pieces& file) {
  constexpr std::array<uint8_t, 16> kStart{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                                           0,    0,   0,   13,  'I',  'H',  'D',  'R'};
  std::array<uint8_t, 33> start{};
  if (!file.read(0, start) || !std::equal(kStart.begin(), kStart.end(), start.begin())) return {};
  const uint8_t* header = start.data() + 16;
  if (::crc32(0, start.data() + 12, 17) != big_endian(start.data() + 29)) return {};
  if (!is_depth_of(header[9], header[8]) || header[10] != 0 || header[11] != 0 || header[12] > 1) return {};
  bool has_palette = header[9] != 3, has_data = false;
  std::array<uint8_t, 8> chunk{};
  for (uint64_t at = start.size(); file.read(at, chunk);) {
    const uint64_t end = at + 12 + big_endian(chunk.data());
    if (end > file.size()) return {};
    const auto is = [&](const char* type) { return std::memcmp(chunk.data() + 4, type, 4) == 0; };
    has_palette = has_palette || is("PLTE");
    has_data = has_data || is("IDAT");
    if (is("IEND"))
      return has_palette && has_data ? usual(big_endian(header), big_endian(header + 4)) : std::nullopt;
    at = end;
  }
  return {};
}

// Whether the end marker comes after `from`; nearly always the last two bytes.
bool has_end_marker(const Pieces& file, uint64_t from) {
  constexpr uint64_t kWindow = 1 << 16;
  std::vector<uint8_t> window;
  for (uint64_t end = file.size(); end > from + 1;) {
    const uint64_t begin = end - std::min(end - from, kWindow);
    window.resize(end - begin);
    if (!file.read(begin, window)) return false;
    for (size_t i = window.size() - 1; i > 0; --i) {
      if (window[i - 1] == 0xff && window[i] == 0xd9) return true;
    }
    end = begin == from ? from : begin + 1;  // the marker may lie across
  }
  return false;
}

// A JPEG of 8 bits with one, three or four components, whose segments lie inside the file and whose end is
// there.
std::optional<Extent> extent_of_jpeg(const Pieces& file) {
  std::array<uint8_t, 10> segment{};
  if (!file.read(0, std::span(segment).first(3)) || segment[0] != 0xff || segment[1] != 0xd8 ||
      segment[2] != 0xff)
    return {};
  std::optional<Extent> extent;
  for (uint64_t at = 2; file.read(at, std::span(segment).first(4));) {
    if (segment[0] != 0xff) return {};
    const uint8_t marker = segment[1];
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    const uint64_t length = uint64_t{segment[2]} << 8 | segment[3];
    if (length < 2 || at + 2 + length > file.size()) return {};
    const bool is_frame = marker == 0xc0 || marker == 0xc1 || marker == 0xc2;
    if (is_frame && !extent) {
      if (!file.read(at, segment) || segment[4] != 8) return {};
      const int components = segment[9];
      if (components != 1 && components != 3 && components != 4) return {};
      extent = usual(uint64_t{segment[7]} << 8 | segment[8], uint64_t{segment[5]} << 8 | segment[6]);
      if (!extent) return {};
    }
    at += 2 + length;
    if (marker == 0xda) return has_end_marker(file, at) ? extent : std::nullopt;
  }
  return {};
}

PictureReport report_of(const std::filesystem::path& path, PictureCheck check) {
  try {
    if (check == PictureCheck::headers) {
      const Pieces file(path);
      std::optional<Extent> extent = extent_of_png(file);
      if (!extent) extent = extent_of_jpeg(file);
      if (extent) return {extent->width, extent->height, "", false};
    }
    const Image image = read_image(path);
    return {image.width, image.height, "", has_colour(image)};
  } catch (const Error& error) {
    return {0, 0, error.what(), false};
  }
}

}  // namespace

std::vector<PictureReport> check_pictures(std::span<const std::filesystem::path> paths, PictureCheck check) {
  std::vector<PictureReport> reports(paths.size());
  parallel_for(Exec{}, std::ssize(paths), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      reports[at] = report_of(paths[at], check);
    }
  });
  return reports;
}

}  // namespace primal
