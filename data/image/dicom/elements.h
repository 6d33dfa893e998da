// The elements of a DICOM data set in the file. They are located and checked before dcmtk allocates memory
// for them, because dcmtk trusts the lengths and the nesting depth that a file states.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace primal::codec {

// Group and element as one number: (0028,0010) is 0x00280010.
using DicomTag = uint32_t;
namespace tag {
inline constexpr DicomTag kTransferSyntax = 0x00020010, kSopClass = 0x00080016, kSamples = 0x00280002,
                          kPhotometric = 0x00280004, kPlanar = 0x00280006, kFrames = 0x00280008,
                          kRows = 0x00280010, kColumns = 0x00280011, kBitsAllocated = 0x00280100,
                          kBitsStored = 0x00280101, kHighBit = 0x00280102, kRepresentation = 0x00280103,
                          kIntercept = 0x00281052, kSlope = 0x00281053, kFloatPixels = 0x7fe00008,
                          kDoublePixels = 0x7fe00009, kPixels = 0x7fe00010;
}

// "Rows (0028,0010)", or only the numbers for tags that are not named here.
std::string text_of_tag(DicomTag tag);

struct DicomEncoding {
  bool is_explicit = true, big_endian = false;
};

struct DicomElement {
  DicomTag tag = 0;
  uint64_t offset = 0;  // offset of the tag in the file
  uint64_t value = 0;   // offset of its value
  uint64_t length = 0;  // length of its value; if undefined, up to the end of its delimiter
  bool is_undefined = false;
  uint64_t fragments = 0;  // compressed pixels: the bytes of all fragments together
  struct Part {
    uint64_t offset, length;
  };
  std::vector<Part> parts = {};  // the fragments one by one
};

class DicomElements {
 public:
  // The elements from byte `at` up to and including the pixels, or as long as their group is `group` if that
  // is given. DataError for a length beyond the end of the enclosing element, for a VR that is not in the
  // standard, and for sequences nested too deeply.
  DicomElements(std::span<const uint8_t> bytes, uint64_t at, DicomEncoding encoding, const std::string& name,
                std::optional<uint16_t> group = std::nullopt);

  const DicomElement* find(DicomTag tag) const;
  // The first byte after the last element.
  uint64_t end() const { return end_; }

  // An unsigned two-byte number, and a text without surrounding spaces. Empty if the element is missing or
  // empty; DataError for an element that is too short, or a text longer than any number or UID.
  std::optional<uint16_t> number(DicomTag tag) const;
  std::optional<std::string> text(DicomTag tag) const;

  // DataError "[dicom] NAME at byte B: Rows (0028,0010) WHAT".
  [[noreturn]] void fail(DicomTag tag, const std::string& what) const;

 private:
  class Walk;
  std::span<const uint8_t> bytes_;
  DicomEncoding encoding_;
  const std::string& name_;
  std::map<DicomTag, DicomElement> elements_;
  uint64_t end_ = 0;
};

// Whether the bytes begin like a data set in this encoding: with two elements of group 8, the first
// with a plausible length.
bool begins_with_element(std::span<const uint8_t> start, DicomEncoding encoding);

}  // namespace primal::codec
