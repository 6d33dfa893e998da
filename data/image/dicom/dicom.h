// DICOM through dcmtk (3.6.7 or later, optional: a build without it names the package in its error).
//
//   files        part 10, and data sets without the preamble or without the file's meta information
//   packing      none (implicit and explicit VR, either byte order), RLE, JPEG baseline, extended and lossless, JPEG-LS
//   samples      integers of 8, 16 and 32 bits with or without sign; BitsStored may be fewer, and the bits above are left out
//   colour       MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, and YBR_FULL_422 inside JPEG, which become RGB
//   values       slope * sample + intercept of the modality, for example Hounsfield units; a file without them, and without sign, has
//                levels, whose white is 2^BitsStored - 1
//   frames       pages
//
// Unsigned levels of MONOCHROME1 are turned around in memory and back on output, so that white is high; values in units of their own
// are kept, since the attribute only says how to show them.
//
// Written is a new object derived from the one that was read: its own SOP instance and series, ImageType DERIVED\SECONDARY, a
// DerivationDescription and a reference to the source; every other attribute is carried over, except what the new pixels make untrue.
// One frame becomes a Secondary Capture Image. Several become the multi-frame Secondary Capture of their kind where there is one, that
// is, for unsigned levels and colours; signed and rescaled frames keep the class that they came in, because no Secondary Capture of
// several frames holds them. A raster without attributes becomes a Secondary Capture with empty patient and study. Always explicit VR,
// little endian, unpacked. The same pixels and the same text give the same UIDs, and slices of a series stay together in a new one.
// Source:  DICOM PS3.3 (A.8, C.7.6.1, C.7.6.3, C.8.6), PS3.5 (7, A.4, B.2).
// Errors:  DataError naming the file, the byte and the tag, what was found and expected; never what an attribute says of a patient.
#pragma once

#include "data/image/raster/raster.h"

namespace primal::codec {

bool is_dicom(std::span<const uint8_t> start);
Raster decode_dicom(std::span<const uint8_t> bytes, const std::string& name);
std::vector<uint8_t> encode_dicom(const Raster& raster, const PngText& text);

// The Secondary Capture class of a raster's kind; null where there is none.
const char* secondary_capture_class(const Raster& raster);

}  // namespace primal::codec
