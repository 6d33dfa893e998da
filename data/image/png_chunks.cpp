#include "data/image/png_chunks.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <zlib.h>

#include "data/image/codec.h"
#include "data/image/orientation.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr size_t kFrameBytes = 12;  // length, type and CRC
constexpr std::array<uint8_t, kFrameBytes> kEnd{0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

uint32_t u32(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) << 24 | static_cast<uint32_t>(bytes[at + 1]) << 16 |
         static_cast<uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

// At most so much of a compressed text is inflated: the profiles that say an orientation are smaller by far.
constexpr size_t kMaxTextBytes = size_t{1} << 20;

// The first `most` bytes, and some more of a text that is longer.
std::string inflated(std::span<const uint8_t> packed, size_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  std::string text;
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::array<char, 1 << 14> part;
  for (int status = Z_OK; status == Z_OK && text.size() <= most;) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(part.data(), part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return text;
}

// Up to a zero, which goes too; nothing where there is none.
std::optional<std::string_view> take_text(std::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

// The last text of a keyword, as it lies in the file.
struct Text {
  std::span<const uint8_t> bytes;
  bool packed = false;

  bool is_there() const { return bytes.data() != nullptr; }
  std::string str() const { return packed ? inflated(bytes, kMaxTextBytes) : std::string(text_of(bytes)); }
};

// The texts and blocks that may say an orientation.
class Metadata {
 public:
  void add(std::string_view type, std::span<const uint8_t> data) {
    if (type == "eXIf") exif_ = {data, false};
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") return;
    std::string_view rest = text_of(data);
    const std::optional<std::string_view> keyword = take_text(rest);
    if (!keyword) return;
    Text text;
    if (type == "zTXt") {
      if (rest.empty() || rest[0] != 0) return;  // a method that is not deflate
      rest.remove_prefix(1);
      text.packed = true;
    } else if (type == "iTXt") {
      if (rest.size() < 2 || (rest[0] != 0 && rest[1] != 0)) return;
      text.packed = rest[0] != 0;
      rest.remove_prefix(2);
      if (!take_text(rest) || !take_text(rest)) return;  // language and translated keyword
    }
    text.bytes = data.last(rest.size());
    if (*keyword == "exif" && type == "tEXt") exif_ = text;
    if (*keyword == "Raw profile type exif") profile_ = text;
    if (*keyword == "Raw profile type APP1") app1_ = text;
    if (*keyword == "XML:com.adobe.xmp") xmp_ = text;
  }

  int orientation() const {
    OrientationFinder finder;
    if (exif_.is_there()) finder.add_exif(exif_.bytes);
    const Text& profile = profile_.is_there() ? profile_ : app1_;
    if (profile.is_there()) finder.add_raw_profile(profile.str());
    if (xmp_.is_there()) finder.add_xmp(xmp_.str());
    return finder.orientation();
  }

 private:
  Text exif_, profile_, app1_, xmp_;
};

// The chunks that say how the colours are meant; of several of a kind the first counts.
class ColourChunks {
 public:
  void add(std::string_view type, std::span<const uint8_t> data) {
    if (type == "gAMA" && data.size() == 4 && u32(data, 0) > 0 && !meaning_.gamma)
      meaning_.gamma = u32(data, 0);
    if (type == "sRGB" && data.size() == 1 && data[0] < 4 && !meaning_.rendering_intent)
      meaning_.rendering_intent = data[0];
    if (type == "cHRM" && data.size() == 32 && !meaning_.chromaticities) {
      std::array<uint32_t, 8> all;
      for (size_t i = 0; i < all.size(); ++i) all[i] = u32(data, 4 * i);
      meaning_.chromaticities = all;
    }
    if (type != "iCCP" || is_profile_there_) return;
    is_profile_there_ = true;
    std::string_view rest = text_of(data);
    if (!take_text(rest) || rest.empty() || rest[0] != 0)
      return;  // its name, and a method that is not deflate
    rest.remove_prefix(1);
    profile_ = data.last(rest.size());
  }

  void finish(PngChunks& out) const {
    out.meaning = meaning_;
    const std::string profile = inflated(profile_, kMaxProfileBytes);
    out.profile_is_too_long = profile.size() > kMaxProfileBytes;
    if (!out.profile_is_too_long) out.meaning.profile.assign(profile.begin(), profile.end());
  }

 private:
  ColourMeaning meaning_;
  std::span<const uint8_t> profile_;
  bool is_profile_there_ = false;
};

class Sorter {
 public:
  Sorter(std::span<const uint8_t> bytes, const std::string& name, bool wants_colours)
      : bytes_(bytes), name_(name), wants_colours_(wants_colours) {}

  PngChunks sort() {
    pass_on(0, std::min(kPngSignatureBytes, bytes_.size()));
    for (at_ = kPngSignatureBytes; !done_;) {
      if (at_ >= bytes_.size() || bytes_.size() - at_ < kFrameBytes) {
        end_early();
      } else {
        sort_chunk();
      }
    }
    if (n_damaged_ > 0) {
      out_.remarks.push_back(
          fmt::format("{} has a wrong CRC{}: left out", first_damaged_,
                      n_damaged_ > 1 ? fmt::format(" (so have {} more)", n_damaged_ - 1) : ""));
    }
    out_.orientation = metadata_.orientation();
    if (wants_colours_) colours_.finish(out_);
    return std::move(out_);
  }

 private:
  void sort_chunk() {
    const size_t length = u32(bytes_, at_), left = bytes_.size() - at_ - kFrameBytes;
    const std::string_view type = text_of(bytes_.subspan(at_ + 4, 4));
    const bool is_type =
        std::ranges::all_of(type, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
    if (!is_type) {  // libpng says what it thinks of that
      pass_on(at_, bytes_.size() - at_);
      done_ = true;
    } else if (length > left) {
      chunk_too_long(type, length, left + 4);
    } else if (type == "IEND") {
      end(length);
    } else if (type == "IDAT") {
      has_data_ = true;
      pass_on(at_, kFrameBytes + length);
      at_ += kFrameBytes + length;
    } else {
      const bool can_be_left_out = (type[0] & 0x20) != 0;
      const std::span<const uint8_t> data = bytes_.subspan(at_ + 8, length);
      if (type == "acTL" && length == 8 && u32(data, 0) > 1 && !has_data_)
        out_.remarks.push_back("only the first frame of its animation is read");
      if (can_be_left_out && !is_whole(length)) {
        if (n_damaged_++ == 0) first_damaged_ = fmt::format("the {} chunk at byte {}", type, at_);
      } else if (can_be_left_out && type != "tRNS" && type != "pHYs") {
        metadata_.add(type, data);
        if (!has_data_) colours_.add(type, data);
      } else {
        pass_on(at_, kFrameBytes + length);
      }
      at_ += kFrameBytes + length;
    }
  }

  void chunk_too_long(std::string_view type, size_t length, size_t left) {
    if (type == "IDAT") {  // libpng reads it row by row, up to where the file ends
      pass_on(at_, bytes_.size() - at_);
      done_ = true;
      out_.ends_early = true;
    } else if (has_data_) {
      end_early();
    } else {
      throw DataError(
          "[png] {} is truncated: its {} bytes end inside the {} chunk at byte {}, which announces {} bytes "
          "where {} are left; copy it again",
          name_, bytes_.size(), type, at_, length, left);
    }
  }

  void end(size_t length) {
    if (length != 0 || !is_whole(length))
      out_.remarks.push_back("its IEND chunk is damaged: the picture before it is whole");
    const size_t after = bytes_.size() - at_ - kFrameBytes - length;
    if (after > 0) out_.remarks.push_back(fmt::format("{} bytes follow its end: left out", after));
    pass_end();
  }

  void end_early() {
    out_.ends_early = true;
    if (has_data_) pass_end();
    done_ = true;
  }

  void pass_end() {
    out_.pieces.emplace_back(kEnd);
    done_ = true;
  }

  // Joined to the piece before where that ends there.
  void pass_on(size_t at, size_t n) {
    if (!out_.pieces.empty() && out_.pieces.back().data() + out_.pieces.back().size() == bytes_.data() + at) {
      out_.pieces.back() = {out_.pieces.back().data(), out_.pieces.back().size() + n};
    } else {
      out_.pieces.push_back(bytes_.subspan(at, n));
    }
  }

  // Whether the CRC of the chunk here is right.
  bool is_whole(size_t length) const {
    const std::span<const uint8_t> checked = bytes_.subspan(at_ + 4, 4 + length);
    return crc32_z(0, checked.data(), checked.size()) == u32(bytes_, at_ + 8 + length);
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  const bool wants_colours_;
  PngChunks out_;
  Metadata metadata_;
  ColourChunks colours_;
  size_t at_ = 0, n_damaged_ = 0;
  std::string first_damaged_;
  bool has_data_ = false, done_ = false;
};

}  // namespace

PngChunks sort_png_chunks(std::span<const uint8_t> bytes, const std::string& name, bool wants_colours) {
  return Sorter(bytes, name, wants_colours).sort();
}

}  // namespace primal::codec
