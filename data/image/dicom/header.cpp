#include "data/image/dicom/header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

#include "data/image/dicom/frames.h"
#include "data/image/raster/extent.h"
#include "tensor/error.h"

namespace primal::codec {
namespace {

constexpr uint64_t kPreambleBytes = 128;

struct Syntax {
  std::string_view uid;
  DicomEncoding encoding;
  DicomPacking packing = DicomPacking::none;
};
constexpr const char *kImplicit = "1.2.840.10008.1.2", *kExplicit = "1.2.840.10008.1.2.1";
constexpr std::array kSyntaxes{
    Syntax{kImplicit, {false, false}},
    Syntax{kExplicit, {}},
    Syntax{"1.2.840.10008.1.2.2", {true, true}},
    Syntax{"1.2.840.10008.1.2.5", {}, DicomPacking::rle},
    Syntax{"1.2.840.10008.1.2.4.50", {}, DicomPacking::jpeg_lossy},
    Syntax{"1.2.840.10008.1.2.4.51", {}, DicomPacking::jpeg_lossy},
    Syntax{"1.2.840.10008.1.2.4.57", {}, DicomPacking::jpeg_lossless},
    Syntax{"1.2.840.10008.1.2.4.70", {}, DicomPacking::jpeg_lossless},
    Syntax{"1.2.840.10008.1.2.4.80", {}, DicomPacking::jpeg_ls},
    Syntax{"1.2.840.10008.1.2.4.81", {}, DicomPacking::jpeg_ls},
};

// What the file is packed with that is not read, and how to unpack it.
std::string advice_on(std::string_view uid) {
  constexpr const char* kUnpack = "unpack it first, for example with GDCM: gdcmconv --raw IN OUT";
  const auto is_of = [&](std::string_view start) { return uid.starts_with(start); };
  if (is_of("1.2.840.10008.1.2.4.9")) return fmt::format("JPEG 2000: {}", kUnpack);
  if (is_of("1.2.840.10008.1.2.4.20"))
    return "High-Throughput JPEG 2000: unpack it first, for example with: dcm2img";
  if (is_of("1.2.840.10008.1.2.4.10")) return "a video: take its frames out first, for example with: ffmpeg";
  if (is_of("1.2.840.10008.1.2.1.99"))
    return "a deflated data set: inflate it first, for example with DCMTK: dcmconv +te IN OUT";
  return kUnpack;
}

const Syntax& syntax_of(const std::string& uid, const DicomElements* meta, const std::string& name) {
  const auto* const found = std::ranges::find(kSyntaxes, std::string_view(uid), &Syntax::uid);
  if (found != kSyntaxes.end()) return *found;
  const bool is_plain = std::ranges::all_of(uid, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  const std::string what =
      fmt::format("is {}, which is not read; {}", is_plain ? uid : "no UID", advice_on(uid));
  if (meta != nullptr) meta->fail(tag::kTransferSyntax, what);
  throw DataError("[dicom] {}: {} {}", name, text_of_tag(tag::kTransferSyntax), what);
}

// Finds the data set and its encoding.
DicomHeader opened(std::span<const uint8_t> bytes, const std::string& name) {
  DicomHeader header;
  const bool has_preamble =
      bytes.size() >= kPreambleBytes + 4 && std::memcmp(bytes.data() + kPreambleBytes, "DICM", 4) == 0;
  header.start = has_preamble ? kPreambleBytes + 4 : 0;
  const bool has_meta =
      bytes.size() >= header.start + 4 && std::memcmp(bytes.data() + header.start, "\2\0", 2) == 0;
  header.transfer_syntax = kImplicit;
  if (has_meta) {
    const DicomElements meta(bytes, header.start, {}, name, uint16_t{2});
    header.start = meta.end();
    const std::optional<std::string> uid = meta.text(tag::kTransferSyntax);
    if (!uid) meta.fail(tag::kTransferSyntax, "is missing or empty, expected the UID of a transfer syntax");
    header.transfer_syntax = *uid;
    const Syntax& syntax = syntax_of(*uid, &meta, name);
    header.encoding = syntax.encoding;
    header.packing = syntax.packing;
    header.is_lossy_jpeg_ls = uid->ends_with(".81");
  } else {
    const std::span<const uint8_t> set = bytes.subspan(header.start);
    if (begins_with_element(set, {})) header.transfer_syntax = kExplicit;
    header.encoding = syntax_of(header.transfer_syntax, nullptr, name).encoding;
  }
  header.elements = std::make_shared<const DicomElements>(bytes, header.start, header.encoding, name);
  return header;
}

uint16_t needed(const DicomElements& elements, DicomTag tag) {
  const std::optional<uint16_t> number = elements.number(tag);
  if (!number) elements.fail(tag, "is missing or empty, expected a number");
  return *number;
}

uint64_t frames_of(const DicomElements& elements) {
  const std::optional<std::string> text = elements.text(tag::kFrames);
  if (!text) return 1;
  uint64_t frames = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), frames);
  if (error != std::errc() || end != text->data() + text->size() || frames == 0 ||
      frames > static_cast<uint64_t>(kMaxPages))
    elements.fail(tag::kFrames, fmt::format("is no whole number from 1 to {}", kMaxPages));
  return frames;
}

void read_bits(DicomHeader& h) {
  const DicomElements& e = *h.elements;
  h.bits_allocated = needed(e, tag::kBitsAllocated);
  if (h.bits_allocated != 8 && h.bits_allocated != 16 && h.bits_allocated != 32)
    e.fail(tag::kBitsAllocated, fmt::format("is {}, expected 8, 16 or 32", h.bits_allocated));
  h.bits_stored = e.number(tag::kBitsStored).value_or(static_cast<uint16_t>(h.bits_allocated));
  if (h.bits_stored < 1 || h.bits_stored > h.bits_allocated)
    e.fail(tag::kBitsStored, fmt::format("is {}, expected 1 to {}", h.bits_stored, h.bits_allocated));
  h.high_bit = e.number(tag::kHighBit).value_or(static_cast<uint16_t>(h.bits_stored - 1));
  if (h.high_bit < h.bits_stored - 1 || h.high_bit >= h.bits_allocated)
    e.fail(tag::kHighBit,
           fmt::format("is {}, expected {} to {}", h.high_bit, h.bits_stored - 1, h.bits_allocated - 1));
  const uint16_t representation = e.number(tag::kRepresentation).value_or(0);
  if (representation > 1)
    e.fail(tag::kRepresentation, fmt::format("is {}, expected 0 (no sign) or 1 (signed)", representation));
  h.is_signed = representation == 1;
}

void read_colour(DicomHeader& h) {
  const DicomElements& e = *h.elements;
  const uint16_t samples = e.number(tag::kSamples).value_or(1);
  if (samples != 1 && samples != 3) e.fail(tag::kSamples, fmt::format("is {}, expected 1 or 3", samples));
  h.channels = samples;
  h.photometric = e.text(tag::kPhotometric).value_or(samples == 1 ? "MONOCHROME2" : "RGB");
  const std::string& p = h.photometric;
  const bool is_grey = p == "MONOCHROME1" || p == "MONOCHROME2";
  const bool is_colour =
      p == "RGB" || p == "YBR_FULL" || (p == "YBR_FULL_422" && h.packing == DicomPacking::jpeg_lossy);
  if (!(samples == 1 ? is_grey : is_colour)) {
    const bool is_name = std::ranges::all_of(
        p, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' '; });
    e.fail(tag::kPhotometric,
           fmt::format("is {} with {} samples per pixel, expected MONOCHROME1 or MONOCHROME2 with 1, RGB or "
                       "YBR_FULL with 3; make it PNG, for example with DCMTK: dcmj2pnm --write-png IN OUT",
                       is_name ? p : "no name", samples));
  }
  const bool has_bytes = h.bits_allocated == 8 && h.bits_stored == 8;
  if (samples == 3 && (h.is_signed || h.bits_allocated == 32 || (p != "RGB" && !has_bytes)))
    e.fail(tag::kBitsAllocated,
           fmt::format("is {} with {} stored{} for {}, expected 8 with 8 stored, or 16 for RGB, without sign",
                       h.bits_allocated, h.bits_stored, h.is_signed ? " and a sign" : "", p));
}

// What a byte of packed pixels unpacks to at the very best. JPEG codes 64 coefficients of three bytes in
// 2 bits or more, and 16 bits without loss in 1 or more; JPEG-LS knows runs as long as a line.
double unpacking(DicomPacking packing) {
  switch (packing) {
    case DicomPacking::rle:
      return 64.0;
    case DicomPacking::jpeg_lossy:
      return 64.0 * 3.0 * 2.0 * 4.0;
    case DicomPacking::jpeg_lossless:
      return 16.0;
    case DicomPacking::jpeg_ls:
      return 65536.0;
    case DicomPacking::none:
      break;
  }
  return 1.0;
}

// dcmtk 3.6.7 looks for the frame header of a JPEG marker by marker, and never ends at TEM (FF 01), which
// belongs to arithmetic coding alone.
void check_markers(std::span<const uint8_t> bytes, const DicomElements& e) {
  constexpr uint8_t kTem = 0x01, kFirstBare = 0xd0, kLastBare = 0xd9, kScan = 0xda;
  for (const DicomElement::Part& part : e.find(tag::kPixels)->parts) {
    const std::span<const uint8_t> fragment = bytes.subspan(part.offset, part.length);
    for (size_t at = 0; at + 4 <= fragment.size() && fragment[at] == 0xff;) {
      const uint8_t marker = fragment[at + 1];
      if (marker == kTem)
        e.fail(tag::kPixels,
               fmt::format("holds a JPEG with a TEM marker at byte {}, which is not read", part.offset + at));
      if (marker == kScan) break;
      const bool is_bare = marker >= kFirstBare && marker <= kLastBare;
      at += 2 + (is_bare ? 0 : size_t{fragment[at + 2]} << 8 | fragment[at + 3]);
    }
  }
}

void check_pixels(const DicomHeader& h, const std::string& name) {
  const DicomElements& e = *h.elements;
  for (const DicomTag tag : {tag::kFloatPixels, tag::kDoublePixels}) {
    if (e.find(tag) != nullptr) e.fail(tag, "holds floats, expected integers in PixelData (7FE0,0010)");
  }
  const DicomElement* const pixels = e.find(tag::kPixels);
  if (pixels == nullptr || pixels->length == 0)
    e.fail(tag::kPixels, "is missing or empty: the file holds no picture, but for example a report");
  const bool is_packed = h.packing != DicomPacking::none;
  if (pixels->is_undefined != is_packed)
    e.fail(tag::kPixels, fmt::format("{} packed, but the transfer syntax {} says the opposite",
                                     pixels->is_undefined ? "is" : "is not", h.transfer_syntax));
  if (!is_packed && pixels->length < h.pixel_bytes())
    e.fail(tag::kPixels,
           fmt::format("has {} bytes, expected {}: {} frames of {} x {} pixels of {} bytes", pixels->length,
                       h.pixel_bytes(), h.frames, h.width, h.height, h.bytes_per_pixel()));
  check_volume(name, "dicom", {h.frames, h.width, h.height, h.bytes_per_pixel()},
               is_packed ? pixels->fragments : pixels->length, unpacking(h.packing));
}

}  // namespace

SampleType DicomHeader::type() const {
  if (bits_allocated == 8) return is_signed ? SampleType::i8 : SampleType::u8;
  if (bits_allocated == 16) return is_signed ? SampleType::i16 : SampleType::u16;
  return is_signed ? SampleType::i32 : SampleType::u32;
}

DicomHeader read_dicom_header(std::span<const uint8_t> bytes, const std::string& name) {
  DicomHeader h = opened(bytes, name);
  const DicomElements& e = *h.elements;
  if (e.find(tag::kPixels) == nullptr && e.find(tag::kRows) == nullptr) check_pixels(h, name);
  h.height = needed(e, tag::kRows);
  h.width = needed(e, tag::kColumns);
  h.frames = frames_of(e);
  read_bits(h);
  read_colour(h);
  if (h.bits_allocated == 32 && h.encoding.big_endian)
    e.fail(tag::kBitsAllocated, "is 32 in big-endian order, which is not read");
  check_pixels(h, name);
  if (h.packing == DicomPacking::jpeg_lossy || h.packing == DicomPacking::jpeg_lossless)
    check_markers(bytes, e);
  if (h.packing != DicomPacking::none)
    h.remarks = check_frames(bytes, h);
  else if (const uint64_t n = e.find(tag::kPixels)->length; n > h.pixel_bytes() + 1)  // one fills it up
    h.remarks.push_back(
        fmt::format("its pixel data has {} bytes, and {} frame{} of {} rows and {} columns take {}: the "
                    "others are left out",
                    n, h.frames, h.frames == 1 ? "" : "s", h.height, h.width, h.pixel_bytes()));
  return h;
}

}  // namespace primal::codec
