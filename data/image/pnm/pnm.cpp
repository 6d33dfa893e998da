#include "data/image/pnm/pnm.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

#include "data/image/raster/extent.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr uint64_t kMostWhite = 65535;

bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// "Px" and white space, x one of `kinds`.
bool starts_with_kind(std::span<const uint8_t> start, std::string_view kinds) {
  return start.size() >= 3 && start[0] == 'P' &&
         kinds.find(static_cast<char>(start[1])) != std::string_view::npos &&
         (is_space(start[2]) || start[2] == '#');
}

// The words of a header and of plain samples.
class Words {
 public:
  Words(std::span<const uint8_t> bytes, const char* format, const std::string& name)
      : bytes_(bytes), format_(format), name_(name) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

  [[noreturn]] void fail(size_t at, const std::string& expected) const {
    std::string found = "the end of the file";
    if (at < bytes_.size()) found = fmt::format("byte {:02x}", bytes_[at]);
    if (const std::string word = word_at(at); !word.empty()) found = fmt::format("'{}'", word);
    throw DataError("[{}] {} at byte {}: expected {}, found {}", format_, name_, at, expected, found);
  }

  // Over white space and comments, which reach to the end of their line.
  void skip() {
    for (; at_ < bytes_.size(); ++at_) {
      if (bytes_[at_] == '#') {
        while (at_ + 1 < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
      } else if (!is_space(bytes_[at_])) {
        return;
      }
    }
  }

  uint64_t number(const char* what, uint64_t most) {
    skip();
    const size_t at = at_;
    uint64_t value = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_) {
      value = value * 10 + (bytes_[at_] - uint64_t{'0'});
      if (value > most) fail(at, fmt::format("{} of at most {}", what, most));
    }
    if (at_ == at) fail(at, what);
    return value;
  }

  double real(const char* what) {
    skip();
    const size_t at = at_;
    while (at_ < bytes_.size() && !is_space(bytes_[at_])) ++at_;
    double value = 0.0;
    const char *first = reinterpret_cast<const char*>(bytes_.data()) + at, *last = first + (at_ - at);
    if (first != last && *first == '+') ++first;
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc{} || end != last || !std::isfinite(value) || value == 0.0) fail(at, what);
    return value;
  }

  // The one byte of white space between a header and its samples.
  void end_header() {
    if (at_ >= bytes_.size() || !is_space(bytes_[at_])) fail(at_, "white space after the header");
    ++at_;
  }

 private:
  // Up to the next byte that is no ASCII to be seen; "..." in place of what is too long to be quoted.
  std::string word_at(size_t at) const {
    constexpr size_t kMost = 20;
    std::string word;
    for (; at < bytes_.size() && bytes_[at] > ' ' && bytes_[at] <= '~'; ++at) {
      if (word.size() == kMost) return word + "...";
      word += static_cast<char>(bytes_[at]);
    }
    return word;
  }

  std::span<const uint8_t> bytes_;
  const char* format_;
  const std::string& name_;
  size_t at_ = 2;  // behind "P5"
};

void check_length(const Words& words, size_t expected, const char* format, const std::string& name) {
  if (words.left() >= expected) return;
  throw DataError("[{}] {} is truncated: {} bytes follow its header of {}, expected {}", format, name,
                  words.left(), words.at(), expected);
}

Raster with_extent(Words& words, const char* format, int channels) {
  constexpr uint64_t kMost = 1'000'000'000;
  Raster raster{.channels = channels};
  raster.width = static_cast<int64_t>(words.number("the width", kMost));
  raster.height = static_cast<int64_t>(words.number("the height", kMost));
  raster.format = std::strcmp(format, "pfm") == 0 ? PictureFormat::pfm : PictureFormat::pnm;
  return raster;
}

Extent extent_of(const Raster& raster, uint64_t bytes_per_pixel) {
  return {1, static_cast<uint64_t>(raster.width), static_cast<uint64_t>(raster.height), bytes_per_pixel};
}

template <class T>
void read_plain(Raster& raster, Words& words) {
  const auto white = static_cast<uint64_t>(raster.white);
  for (T& sample : raster.page<T>(0))
    sample = sample_of<T>(static_cast<double>(words.number("a sample", white)));
}

void check_white(const Raster& raster, size_t data_offset, const std::string& name) {
  if (raster.white == usual_white(raster.type)) return;
  dispatch_sample(raster.type, [&]<class T>() {
    const std::span<const T> samples = std::as_const(raster).page<T>(0);
    for (size_t i = 0; i < samples.size(); ++i) {
      if (value_of(samples[i]) > raster.white)
        throw DataError("[pnm] {} at byte {}: expected a sample of at most {}, found {}", name,
                        data_offset + i * sizeof(T), raster.white, value_of(samples[i]));
    }
  });
}

void remark_rest(Raster& raster, size_t n_bytes) {
  if (n_bytes > 0)
    raster.remarks.push_back(fmt::format("{} bytes follow its picture and are left out", n_bytes));
}

std::string header_of(const Raster& raster, const char* kind, const std::string& last) {
  return fmt::format("{}\n{} {}\n{}\n", kind, raster.width, raster.height, last);
}

// The rows of a PFM, from the bottom up, to or from the raster.
template <class Copy>
void for_each_row_up(const Raster& raster, const Copy& copy) {
  const size_t row = static_cast<size_t>(raster.width * raster.channels) * sizeof(float);
  for (int64_t y = 0; y < raster.height; ++y)
    copy(static_cast<size_t>(raster.height - 1 - y) * row, static_cast<size_t>(y) * row, row);
}

}  // namespace

bool is_pnm(std::span<const uint8_t> start) { return starts_with_kind(start, "2356"); }
bool is_pfm(std::span<const uint8_t> start) { return starts_with_kind(start, "Ff"); }

Raster decode_pnm(std::span<const uint8_t> bytes, const std::string& name) {
  const char kind = static_cast<char>(bytes[1]);
  const bool is_plain = kind == '2' || kind == '3';
  Words words(bytes, "pnm", name);
  Raster raster = with_extent(words, "pnm", kind == '3' || kind == '6' ? 3 : 1);
  const uint64_t white = words.number("the white level", kMostWhite);
  if (white == 0) throw DataError("[pnm] {}: the white level is 0, expected 1 .. {}", name, kMostWhite);
  words.end_header();
  raster.type = white > 255 ? SampleType::u16 : SampleType::u8;
  raster.white = static_cast<double>(white);
  raster.origin = PnmOrigin{.is_plain = is_plain};
  const auto channels = static_cast<uint64_t>(raster.channels);
  // A plain sample takes a digit and the space before the next.
  check_volume(name, "pnm", extent_of(raster, channels * (is_plain ? 2 : bytes_of(raster.type))),
               words.left() + (is_plain ? 1 : 0), 1.0);
  if (is_plain) {
    allocate(raster);
    dispatch_sample(raster.type, [&]<class T>() { read_plain<T>(raster, words); });
    words.skip();
  } else {
    const size_t start = words.at(), n = raster.n_samples() * bytes_of(raster.type);
    check_length(words, n, "pnm", name);
    raster.samples.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                          bytes.begin() + static_cast<std::ptrdiff_t>(start + n));
    if (!kNativeIsBig) swap_bytes(raster.samples, bytes_of(raster.type));
    check_white(raster, start, name);
    remark_rest(raster, words.left() - n);
    return raster;
  }
  remark_rest(raster, words.left());
  return raster;
}

Raster decode_pfm(std::span<const uint8_t> bytes, const std::string& name) {
  Words words(bytes, "pfm", name);
  Raster raster = with_extent(words, "pfm", bytes[1] == 'F' ? 3 : 1);
  const double scale = words.real("the scale, a number other than 0");
  words.end_header();
  raster.type = SampleType::f32;
  raster.origin = PnmOrigin{.big_endian = scale > 0.0, .scale = std::abs(scale)};
  check_volume(name, "pfm", extent_of(raster, sizeof(float) * static_cast<uint64_t>(raster.channels)),
               words.left(), 1.0);
  allocate(raster);
  check_length(words, raster.samples.size(), "pfm", name);
  const uint8_t* const data = bytes.data() + words.at();
  for_each_row_up(raster, [&](size_t file, size_t own, size_t n) {
    std::memcpy(raster.samples.data() + own, data + file, n);
  });
  if ((scale > 0.0) != kNativeIsBig) swap_bytes(raster.samples, sizeof(float));
  remark_rest(raster, words.left() - raster.samples.size());
  return raster;
}

std::vector<uint8_t> encode_pnm(const Raster& raster) {
  const auto* origin = std::get_if<PnmOrigin>(&raster.origin);
  const bool is_plain = origin != nullptr && origin->is_plain, colour = raster.channels == 3;
  const double white = raster.white > 0.0 ? raster.white : usual_white(raster.type);
  const char* const kind = is_plain ? (colour ? "P3" : "P2") : (colour ? "P6" : "P5");
  std::string text = header_of(raster, kind, fmt::format("{:.0f}", white));
  std::vector<uint8_t> samples;
  dispatch_sample(raster.type, [&]<class T>() {
    size_t i = 0;
    const size_t row = static_cast<size_t>(raster.width * raster.channels);
    for (const T sample : raster.page<T>(0)) {
      const double held = std::min(value_of(sample), white);
      if (is_plain) {
        text += fmt::format("{:.0f}{}", held, ++i % row == 0 ? '\n' : ' ');
        continue;
      }
      const auto level = static_cast<uint16_t>(held);
      if (white > 255.0) samples.push_back(static_cast<uint8_t>(level >> 8));
      samples.push_back(static_cast<uint8_t>(level & 0xff));
    }
  });
  std::vector<uint8_t> out(text.begin(), text.end());
  out.insert(out.end(), samples.begin(), samples.end());
  return out;
}

std::vector<uint8_t> encode_pfm(const Raster& raster) {
  const auto* found = std::get_if<PnmOrigin>(&raster.origin);
  const PnmOrigin origin = found == nullptr ? PnmOrigin{} : *found;
  const std::string text = header_of(raster, raster.channels == 3 ? "PF" : "Pf",
                                     fmt::format("{}{}", origin.big_endian ? "" : "-", origin.scale));
  std::vector<uint8_t> out(text.begin(), text.end());
  out.resize(text.size() + raster.samples.size());
  for_each_row_up(raster, [&](size_t file, size_t own, size_t n) {
    std::memcpy(out.data() + text.size() + file, raster.samples.data() + own, n);
  });
  if (origin.big_endian != kNativeIsBig) swap_bytes(std::span(out).subspan(text.size()), sizeof(float));
  return out;
}

}  // namespace primal::codec
