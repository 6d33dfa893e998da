#include "data/image/dicom/elements.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

#include "data/image/dicom/dicom.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kUndefined = 0xffffffff;
constexpr DicomTag kItem = 0xfffee000, kItemEnd = 0xfffee00d, kSequenceEnd = 0xfffee0dd;
constexpr int kMaxDepth = 64;  // sequences inside sequences; dcmtk follows them by recursion

// VRs whose length has two bytes, and those where two reserved bytes and a length of four follow.
constexpr std::array kShort{"AE"sv, "AS"sv, "AT"sv, "CS"sv, "DA"sv, "DS"sv, "DT"sv,
                            "FD"sv, "FL"sv, "IS"sv, "LO"sv, "LT"sv, "PN"sv, "SH"sv,
                            "SL"sv, "SS"sv, "ST"sv, "TM"sv, "UI"sv, "UL"sv, "US"sv};
constexpr std::array kLong{"OB"sv, "OD"sv, "OF"sv, "OL"sv, "OV"sv, "OW"sv, "SQ"sv,
                           "SV"sv, "UC"sv, "UN"sv, "UR"sv, "UT"sv, "UV"sv};

struct Name {
  DicomTag tag;
  const char* name;
};
constexpr std::array kNames{Name{tag::kTransferSyntax, "TransferSyntaxUID"},
                            Name{tag::kSopClass, "SOPClassUID"},
                            Name{tag::kSamples, "SamplesPerPixel"},
                            Name{tag::kPhotometric, "PhotometricInterpretation"},
                            Name{tag::kPlanar, "PlanarConfiguration"},
                            Name{tag::kFrames, "NumberOfFrames"},
                            Name{tag::kRows, "Rows"},
                            Name{tag::kColumns, "Columns"},
                            Name{tag::kBitsAllocated, "BitsAllocated"},
                            Name{tag::kBitsStored, "BitsStored"},
                            Name{tag::kHighBit, "HighBit"},
                            Name{tag::kRepresentation, "PixelRepresentation"},
                            Name{tag::kIntercept, "RescaleIntercept"},
                            Name{tag::kSlope, "RescaleSlope"},
                            Name{tag::kFloatPixels, "FloatPixelData"},
                            Name{tag::kDoublePixels, "DoubleFloatPixelData"},
                            Name{tag::kPixels, "PixelData"}};

uint32_t number_at(std::span<const uint8_t> bytes, uint64_t at, int n, bool big_endian) {
  uint32_t number = 0;
  for (int i = 0; i < n; ++i)
    number |= uint32_t{bytes[at + static_cast<uint64_t>(i)]} << (8 * (big_endian ? n - 1 - i : i));
  return number;
}

DicomTag tag_at(std::span<const uint8_t> bytes, uint64_t at, bool big_endian) {
  return number_at(bytes, at, 2, big_endian) << 16 | number_at(bytes, at + 2, 2, big_endian);
}

bool is_one_of(std::string_view vr, std::span<const std::string_view> all) {
  return std::ranges::find(all, vr) != all.end();
}

}  // namespace

std::string text_of_tag(DicomTag tag) {
  const std::string numbers = fmt::format("({:04X},{:04X})", tag >> 16, tag & 0xffff);
  const auto* const name = std::ranges::find(kNames, tag, &Name::tag);
  return name == kNames.end() ? numbers : fmt::format("{} {}", name->name, numbers);
}

// One pass over the elements.
class DicomElements::Walk {
 public:
  Walk(std::span<const uint8_t> bytes, DicomEncoding encoding, const std::string& name)
      : bytes_(bytes), encoding_(encoding), name_(name) {}

  // The element at a byte, with all that is inside it, before `end`.
  DicomElement element(uint64_t at, uint64_t end, int depth) {
    need(at, end, 8);
    DicomElement e{.tag = tag_at(bytes_, at, encoding_.big_endian), .offset = at, .value = at + 8};
    std::string_view vr;
    uint32_t length = 0;
    if (e.tag >> 16 == kItem >> 16) fail(at, e.tag, "found, expected an attribute");
    if (!encoding_.is_explicit) {
      length = number_at(bytes_, at + 4, 4, encoding_.big_endian);
    } else {
      vr = {reinterpret_cast<const char*>(bytes_.data()) + at + 4, 2};
      if (is_one_of(vr, kLong)) {
        need(at, end, 12);
        e.value = at + 12;
        length = number_at(bytes_, at + 8, 4, encoding_.big_endian);
      } else if (is_one_of(vr, kShort)) {
        length = number_at(bytes_, at + 6, 2, encoding_.big_endian);
      } else {
        fail(at, e.tag,
             fmt::format("has a VR of the bytes {:02x} {:02x}, expected one of DICOM's", bytes_[at + 4],
                         bytes_[at + 5]));
      }
    }
    e.is_undefined = length == kUndefined;
    e.length = length;
    if (!e.is_undefined && length > end - e.value)
      fail(at, e.tag, fmt::format("says it has {} bytes, {} are left", length, end - e.value));
    enter(e, vr, end, depth);
    return e;
  }

  [[noreturn]] void fail(uint64_t at, DicomTag tag, const std::string& what) const {
    throw DataError("[dicom] {} at byte {}: {} {}", name_, at, text_of_tag(tag), what);
  }

 private:
  void need(uint64_t at, uint64_t end, uint64_t n) const {
    if (end - at < n)
      throw DataError("[dicom] {} is truncated: at byte {} an element begins, {} bytes are left", name_, at,
                      end - at);
  }

  void enter(DicomElement& e, std::string_view vr, uint64_t end, int depth) {
    if (e.is_undefined) {
      if (e.tag == tag::kPixels && (vr == "OB" || vr == "OW")) return fragments(e, end);
      if (!vr.empty() && vr != "SQ" && vr != "UN")
        fail(e.offset, e.tag, "has no length, which only sequences and packed pixels may lack");
      // An unknown sequence is in implicit VR, whatever is around it (PS3.5, 6.2.2).
      const DicomEncoding around = encoding_;
      if (vr == "UN") encoding_ = {.is_explicit = false, .big_endian = false};
      e.length = items(e, e.value, end, true, depth) - e.value;
      encoding_ = around;
      return;
    }
    const bool may_be_sequence =
        vr == "SQ" || (vr.empty() && e.length >= 8 && tag_at(bytes_, e.value, encoding_.big_endian) == kItem);
    if (may_be_sequence && e.length > 0) items(e, e.value, e.value + e.length, false, depth);
  }

  // The items of a sequence up to its delimiter, or to `end`. Returns the byte behind it.
  uint64_t items(const DicomElement& sequence, uint64_t at, uint64_t end, bool to_delimiter, int depth) {
    if (depth >= kMaxDepth)
      fail(sequence.offset, sequence.tag, fmt::format("is nested deeper than {} sequences", kMaxDepth));
    while (to_delimiter || at < end) {
      need(at, end, 8);
      const DicomTag tag = tag_at(bytes_, at, encoding_.big_endian);
      const uint32_t length = number_at(bytes_, at + 4, 4, encoding_.big_endian);
      if (to_delimiter && tag == kSequenceEnd) return at + 8;
      if (tag != kItem)
        fail(at, tag, fmt::format("found, expected an item (FFFE,E000) of {}", text_of_tag(sequence.tag)));
      const uint64_t value = at + 8;
      if (length != kUndefined && length > end - value)
        fail(at, tag, fmt::format("says it has {} bytes, {} are left", length, end - value));
      at = item(value, length == kUndefined ? end : value + length, length == kUndefined, depth);
    }
    return at;
  }

  uint64_t item(uint64_t at, uint64_t end, bool to_delimiter, int depth) {
    while (to_delimiter || at < end) {
      need(at, end, 8);
      if (to_delimiter && tag_at(bytes_, at, encoding_.big_endian) == kItemEnd) return at + 8;
      const DicomElement e = element(at, end, depth + 1);
      at = e.value + e.length;
    }
    return at;
  }

  void fragments(DicomElement& e, uint64_t end) {
    bool is_table = true;  // the first item says where frames begin
    for (uint64_t at = e.value;;) {
      need(at, end, 8);
      const DicomTag tag = tag_at(bytes_, at, encoding_.big_endian);
      const uint32_t length = number_at(bytes_, at + 4, 4, encoding_.big_endian);
      at += 8;
      if (tag == kSequenceEnd) {
        e.length = at - e.value;
        return;
      }
      if (tag != kItem || length > end - at)
        fail(at - 8, tag,
             tag == kItem ? fmt::format("says it has {} bytes, {} are left", length, end - at)
                          : fmt::format("found, expected an item (FFFE,E000) of {}", text_of_tag(e.tag)));
      if (!is_table) {
        e.fragments += length;
        e.parts.push_back({at, length});
      }
      is_table = false;
      at += length;
    }
  }

  std::span<const uint8_t> bytes_;
  DicomEncoding encoding_;
  const std::string& name_;
};

DicomElements::DicomElements(std::span<const uint8_t> bytes, uint64_t at, DicomEncoding encoding,
                             const std::string& name, std::optional<uint16_t> group)
    : bytes_(bytes), encoding_(encoding), name_(name), end_(at) {
  Walk walk(bytes, encoding, name);
  while (end_ < bytes.size()) {
    if (group && bytes.size() - end_ >= 4 && tag_at(bytes, end_, encoding.big_endian) >> 16 != *group) return;
    const DicomElement e = walk.element(end_, bytes.size(), 0);
    elements_.emplace(e.tag, e);  // the first counts, as for dcmtk
    end_ = e.value + e.length;
    if (e.tag >= tag::kFloatPixels && e.tag <= tag::kPixels) return;
  }
}

const DicomElement* DicomElements::find(DicomTag tag) const {
  const auto found = elements_.find(tag);
  return found == elements_.end() ? nullptr : &found->second;
}

std::optional<uint16_t> DicomElements::number(DicomTag tag) const {
  const DicomElement* const e = find(tag);
  if (e == nullptr || e->length == 0) return std::nullopt;
  if (e->length < 2) fail(tag, fmt::format("has {} byte, expected a number of 2", e->length));
  return static_cast<uint16_t>(number_at(bytes_, e->value, 2, encoding_.big_endian));
}

std::optional<std::string> DicomElements::text(DicomTag tag) const {
  constexpr uint64_t kMost = 256;
  const DicomElement* const e = find(tag);
  if (e == nullptr) return std::nullopt;
  if (e->length > kMost) fail(tag, fmt::format("has {} bytes, expected {} at most", e->length, kMost));
  std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + e->value, e->length);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

void DicomElements::fail(DicomTag tag, const std::string& what) const {
  const DicomElement* const e = find(tag);
  if (e == nullptr) throw DataError("[dicom] {}: {} {}", name_, text_of_tag(tag), what);
  throw DataError("[dicom] {} at byte {}: {} {}", name_, e->offset, text_of_tag(tag), what);
}

bool begins_with_element(std::span<const uint8_t> start, DicomEncoding encoding) {
  if (start.size() < 16) return false;
  // Data sets begin in group 8, with its length or one of its first elements; nothing shorter or
  // longer than a few texts.
  const DicomTag first = tag_at(start, 0, encoding.big_endian);
  if (first >> 16 != 8 || (first & 0xffff) > 0x0018) return false;
  uint32_t length = 0;
  if (encoding.is_explicit) {
    const std::string_view vr(reinterpret_cast<const char*>(start.data()) + 4, 2);
    if (!is_one_of(vr, kShort)) return false;
    length = number_at(start, 6, 2, encoding.big_endian);
  } else {
    length = number_at(start, 4, 4, encoding.big_endian);
  }
  if (length > 128 || length % 2 != 0 || 8 + uint64_t{length} + 4 > start.size()) return false;
  const DicomTag second = tag_at(start, 8 + length, encoding.big_endian);
  return second >> 16 == 8 && second > first;
}

bool is_dicom(std::span<const uint8_t> start) {
  constexpr size_t kPreamble = 128;
  if (start.size() >= kPreamble + 4 && std::memcmp(start.data() + kPreamble, "DICM", 4) == 0) return true;
  // Without the preamble: the file's meta information, which begins with its length or its
  // version, or the data set itself.
  for (const char* sign : {"\2\0\0\0UL\4\0", "\2\0\1\0OB\0\0"}) {
    if (start.size() >= 8 && std::memcmp(start.data(), sign, 8) == 0) return true;
  }
  return begins_with_element(start, {}) || begins_with_element(start, {.is_explicit = false});
}

}  // namespace primal::codec
