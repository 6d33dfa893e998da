#include "data/image/npy/header.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <string_view>

#include "tensor/error.h"

namespace primal::npy {
namespace {

struct TypeName {
  std::string_view code;
  SampleType type;
};
constexpr std::array kTypes{
    TypeName{"u1", SampleType::u8},  TypeName{"i1", SampleType::i8},  TypeName{"u2", SampleType::u16},
    TypeName{"i2", SampleType::i16}, TypeName{"u4", SampleType::u32}, TypeName{"i4", SampleType::i32},
    TypeName{"f2", SampleType::f16}, TypeName{"f4", SampleType::f32}, TypeName{"f8", SampleType::f64},
};

// Printable ASCII of a text from a file, shortened, for messages.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

class Parser {
 public:
  Parser(std::string_view text, size_t offset, const std::string& name)
      : text_(text), offset_(offset), name_(name) {}

  Header parse() {
    Header header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const size_t at = at_;
      const std::string_view key = quoted();
      expect(':');
      bool* const seen = key == "descr"           ? &has_type
                         : key == "fortran_order" ? &has_order
                         : key == "shape"         ? &has_shape
                                                  : nullptr;
      if (seen == nullptr || *seen) fail(at, "the keys 'descr', 'fortran_order' and 'shape', each once");
      *seen = true;
      if (seen == &has_type) parse_type(header);
      if (seen == &has_order) header.fortran_order = truth();
      if (seen == &has_shape) header.shape = tuple();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail(at_, "the end of the header");
    if (!has_type || !has_order || !has_shape)
      fail(at_, "the keys 'descr', 'fortran_order' and 'shape', each once");
    return header;
  }

 private:
  [[noreturn]] void fail(size_t at, std::string_view expected) const {
    const std::string found =
        at < text_.size() ? fmt::format("'{}'", shown(text_.substr(at))) : "the end of the header";
    throw DataError("[npy] {} at byte {}: expected {}, found {}", name_, offset_ + at, expected, found);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(at_, fmt::format("'{}'", c));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string_view quoted() {
    skip_space();
    const size_t at = at_;
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail(at, "a text in quotes");
    const size_t end = text_.find(quote, at + 1);
    const std::string_view inside = end == std::string_view::npos ? "" : text_.substr(at + 1, end - at - 1);
    if (end == std::string_view::npos || inside.find_first_of("\\\n") != std::string_view::npos)
      fail(at, "a text in quotes without escapes");
    at_ = end + 1;
    return inside;
  }
  bool truth() {
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    fail(at_, "True or False");
  }
  uint64_t number() {
    skip_space();
    const size_t at = at_;
    uint64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + static_cast<uint64_t>(text_[at_++] - '0');
      if (value > (uint64_t{1} << 40)) fail(at, "an extent of less than 2^40");
    }
    if (at_ == at || (at_ - at > 1 && text_[at] == '0')) fail(at, "an extent");
    return value;
  }
  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> extents;
    expect('(');
    while (!accept(')')) {
      if (extents.size() == 32) fail(at_, "at most 32 extents");
      extents.push_back(number());
      if (accept(',')) continue;
      if (extents.size() == 1) fail(at_, "',': one extent alone is no tuple");
      expect(')');
      break;
    }
    return extents;
  }
  void parse_type(Header& header) {
    skip_space();
    const size_t at = at_;
    if (at_ < text_.size() && text_[at_] == '[') fail(at, "one type for all values, not records");
    const std::string_view descr = quoted();
    const char order = descr.empty() ? '\0' : descr[0];
    for (const auto& [code, type] : kTypes) {
      const bool one_byte = bytes_of(type) == 1;
      if (descr.substr(std::min<size_t>(1, descr.size())) != code) continue;
      if (order != '<' && order != '>' && !(order == '|' && one_byte)) break;
      header.type = type;
      header.big_endian = order == '>';
      return;
    }
    throw DataError(
        "[npy] {} at byte {}: expected a type of u1 i1 u2 i2 u4 i4 f2 f4 f8 with its byte order, such as "
        "'<f4' (array.astype('float32') makes one), found '{}'",
        name_, offset_ + at, shown(descr));
  }

  std::string_view text_;
  size_t offset_, at_ = 0;
  const std::string& name_;
};

}  // namespace

Header parse_header(std::span<const uint8_t> start, const std::string& name) {
  constexpr std::string_view kMagic("\x93NUMPY", 6);
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  if (!text.starts_with(kMagic) || start.size() < 10)
    throw DataError("[npy] {} is truncated: its {} bytes end inside the first 10", name, start.size());
  const int major = start[6];
  if (major < 1 || major > 3)
    throw DataError("[npy] {} at byte 6: expected version 1, 2 or 3, found {}", name, major);
  const size_t fixed = major == 1 ? 10 : 12;
  if (start.size() < fixed)
    throw DataError("[npy] {} is truncated: its {} bytes end inside the first 12", name, start.size());
  size_t length = 0;
  for (size_t i = 0; i < fixed - 8; ++i) length |= static_cast<size_t>(start[8 + i]) << (8 * i);
  if (length > kMaxHeaderBytes - fixed)
    throw DataError("[npy] {} at byte 8: the header has {} bytes, at most {} are read", name, length,
                    kMaxHeaderBytes - fixed);
  if (length > start.size() - fixed)
    throw DataError("[npy] {} is truncated: its header has {} bytes, {} follow", name, length,
                    start.size() - fixed);
  Header header = Parser(text.substr(fixed, length), fixed, name).parse();
  header.data_offset = fixed + length;
  return header;
}

std::vector<uint8_t> encode_header(const Header& header) {
  std::string_view code;
  for (const TypeName& type : kTypes) {
    if (type.type == header.type) code = type.code;
  }
  const char order = bytes_of(header.type) == 1 ? '|' : header.big_endian ? '>' : '<';
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': {}, 'shape': ({}), }}", order, code,
                                 header.fortran_order ? "True" : "False", fmt::join(header.shape, ", "));
  constexpr size_t kFixed = 10, kAlignment = 64;
  text.append((kAlignment - (kFixed + text.size() + 1) % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::vector<uint8_t> out{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  out.push_back(static_cast<uint8_t>(text.size() & 0xff));
  out.push_back(static_cast<uint8_t>(text.size() >> 8));
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

}  // namespace primal::npy
