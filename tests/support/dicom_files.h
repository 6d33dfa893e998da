// DICOM files made by hand, element by element.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/raster_files.h"

namespace primal::testing {

// The elements of a data set in the order they are added; explicit VR, little endian, unless told otherwise.
class DicomSet {
 public:
  explicit DicomSet(bool is_explicit = true, bool big_endian = false)
      : explicit_(is_explicit), big_(big_endian) {}

  DicomSet& text(uint32_t tag, const char* vr, std::string value) {
    if (value.size() % 2 != 0) value += std::string(vr) == "UI" ? '\0' : ' ';
    return bytes(tag, vr, FileBytes(value.begin(), value.end()));
  }
  DicomSet& number(uint32_t tag, uint16_t value) {
    return bytes(tag, "US", numbers<uint16_t>({value}, big_));
  }
  DicomSet& bytes(uint32_t tag, const char* vr, const FileBytes& value) {
    return lying(tag, vr, static_cast<uint32_t>(value.size()), value);
  }
  // With another length than its value has.
  DicomSet& lying(uint32_t tag, const char* vr, uint32_t length, const FileBytes& value) {
    put_tag(tag);
    const bool is_long = std::string("OB OW SQ UN UT").find(vr) != std::string::npos;
    if (explicit_) {
      append_text(out_, vr);
      if (is_long) append_number<uint16_t>(out_, 0, big_);
    }
    if (!explicit_ || is_long)
      append_number(out_, length, big_);
    else
      append_number(out_, static_cast<uint16_t>(length), big_);
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
  }
  // An item or delimiter.
  DicomSet& mark(uint32_t tag, uint32_t length) {
    put_tag(tag);
    append_number(out_, length, big_);
    return *this;
  }
  const FileBytes& str() const { return out_; }

 private:
  void put_tag(uint32_t tag) {
    append_number(out_, static_cast<uint16_t>(tag >> 16), big_);
    append_number(out_, static_cast<uint16_t>(tag), big_);
  }
  bool explicit_, big_;
  FileBytes out_;
};

struct DicomKind {
  uint16_t width = 3, height = 2, samples = 1, allocated = 16, stored = 12, high = 11, sign = 0;
  std::string photometric = "MONOCHROME2", frames = {}, slope = {}, intercept = {};
  std::string sop_class = "1.2.840.10008.5.1.4.1.1.2";
  bool is_explicit = true, big_endian = false;
  std::string patient = "Doe^Jane";
};

// All attributes before the pixels.
inline DicomSet dicom_attributes(const DicomKind& k) {
  DicomSet set(k.is_explicit, k.big_endian);
  set.text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
  if (!k.sop_class.empty()) set.text(0x00080016, "UI", k.sop_class).text(0x00080018, "UI", "1.2.3.4.5");
  set.text(0x00100010, "PN", k.patient).text(0x0020000d, "UI", "1.2.3").text(0x0020000e, "UI", "1.2.3.4");
  set.number(0x00280002, k.samples).text(0x00280004, "CS", k.photometric);
  if (k.samples > 1) set.number(0x00280006, 0);
  if (!k.frames.empty()) set.text(0x00280008, "IS", k.frames);
  set.number(0x00280010, k.height).number(0x00280011, k.width).text(0x00280030, "DS", "0.5\\0.25");
  set.number(0x00280100, k.allocated)
      .number(0x00280101, k.stored)
      .number(0x00280102, k.high)
      .number(0x00280103, k.sign);
  if (!k.intercept.empty()) set.text(0x00281052, "DS", k.intercept);
  if (!k.slope.empty()) set.text(0x00281053, "DS", k.slope);
  return set;
}

// Preamble and meta information before a data set; without them where the transfer syntax is empty.
inline FileBytes dicom_file(const FileBytes& set,
                            const std::string& transfer_syntax = "1.2.840.10008.1.2.1") {
  FileBytes out;
  if (!transfer_syntax.empty()) {
    out.assign(128, 0);
    append_text(out, "DICM");
    const FileBytes meta = DicomSet().text(0x00020010, "UI", transfer_syntax).str();
    out.insert(out.end(), meta.begin(), meta.end());
  }
  out.insert(out.end(), set.begin(), set.end());
  return out;
}

inline FileBytes make_dicom(const DicomKind& k, const FileBytes& pixels, const std::string& transfer_syntax) {
  return dicom_file(dicom_attributes(k).bytes(0x7fe00010, k.allocated == 8 ? "OB" : "OW", pixels).str(),
                    transfer_syntax);
}
inline FileBytes make_dicom(const DicomKind& k, const FileBytes& pixels) {
  return make_dicom(k, pixels,
                    k.big_endian    ? "1.2.840.10008.1.2.2"
                    : k.is_explicit ? "1.2.840.10008.1.2.1"
                                    : "1.2.840.10008.1.2");
}

}  // namespace primal::testing
