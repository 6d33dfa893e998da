// What a DICOM file states about its picture, read and checked before any of it is passed to dcmtk.
#pragma once

#include <memory>
#include <string>

#include "data/image/dicom/elements.h"
#include "data/image/raster/sample_type.h"

namespace primal::codec {

// How the pixels of a transfer syntax are encoded.
enum class DicomPacking : uint8_t { none, rle, jpeg_lossy, jpeg_lossless, jpeg_ls };

struct DicomHeader {
  std::string transfer_syntax;
  DicomPacking packing = DicomPacking::none;
  bool is_lossy_jpeg_ls = false;  // near-lossless
  DicomEncoding encoding;
  uint64_t start = 0;  // offset of the data set in the file
  std::shared_ptr<const DicomElements> elements;

  uint64_t width = 0, height = 0, frames = 1;
  int channels = 1;
  std::string photometric;
  int bits_allocated = 16, bits_stored = 16, high_bit = 15;
  bool is_signed = false;
  std::vector<std::string> remarks;  // pixels beyond those that the attributes state

  SampleType type() const;
  uint64_t bytes_per_pixel() const { return static_cast<uint64_t>(channels * bits_allocated / 8); }
  uint64_t pixel_bytes() const { return width * height * frames * bytes_per_pixel(); }
  uint64_t end() const { return elements->end(); }
};

// `bytes` and `name` must outlive the header.
DicomHeader read_dicom_header(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace primal::codec
