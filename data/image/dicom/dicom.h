// DICOM through dcmtk (3.6.7 or later, optional: a build without it names the package in its error).
//
//   files        part 10, and data sets without the preamble or without the file's meta information
//   compression  none (implicit and explicit VR, either byte order), RLE, JPEG baseline, extended and
//                lossless, JPEG-LS
//   samples      signed and unsigned integers of 8, 16 and 32 bits; BitsStored may be smaller, and the
//                bits above it are ignored
//   colour       MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, and YBR_FULL_422 inside JPEG, which become RGB
//   values       slope * sample + intercept, for example Hounsfield units; unsigned samples without slope and
//                intercept are grey levels, whose white is 2^BitsStored - 1
//   frames       pages
//
// Unsigned levels of MONOCHROME1 are inverted in memory and inverted back on output, so that white is high;
// values with a unit are not inverted, since the attribute only says how to display them.
//
// Writing makes a new object derived from the source: its own SOP instance and series, ImageType
// DERIVED\SECONDARY, a DerivationDescription and a reference to the source; every other attribute is copied,
// except those that the new pixels invalidate. One frame becomes a Secondary Capture Image. Several frames
// become the multi-frame Secondary Capture of their kind if there is one, that is, for unsigned levels and
// colours; signed and rescaled frames keep their class, because no multi-frame Secondary Capture can hold
// them. A raster without attributes becomes a Secondary Capture with empty patient and study. Files are
// always in explicit VR, little endian, uncompressed. The same pixels and text give the same UIDs, and slices
// of a series stay together in a new series.
// Source:  DICOM PS3.3 (A.8, C.7.6.1, C.7.6.3, C.8.6), PS3.5 (7, A.4, B.2).
// Errors:  DataError naming the file, the byte and the tag, what was found and expected; never with patient
//          data.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_dicom(std::span<const uint8_t> start);
Raster decode_dicom(std::span<const uint8_t> bytes, const std::string& name);
std::vector<uint8_t> encode_dicom(const Raster& raster, const PngText& text);

// The Secondary Capture class for this kind of raster; null if there is none.
const char* secondary_capture_class(const Raster& raster);

}  // namespace primal::codec
