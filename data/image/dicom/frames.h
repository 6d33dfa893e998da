// The compressed frames of a DICOM file, checked before dcmtk decodes them: dcmtk leaves zero whatever a
// frame does not fill, and it decodes a JPEG of another size than the attributes state.
//
//   RLE             every frame has one segment for each byte of a pixel, and every segment decodes to
//                   rows x columns bytes
//   JPEG, JPEG-LS   the frame header (SOF) states the same columns, rows, samples and bytes a sample as the
//                   attributes; there is an end (EOI)
//
// Source:  DICOM PS3.5 (A.4, G.3 to G.5); ITU-T T.81 (B.1.1, B.2.2); ITU-T T.87 (C.2.2).
// Errors:  DataError naming the file, the frame, what was expected and what was found.
#pragma once

#include "data/image/dicom/header.h"

namespace primal::codec {

// Returns remarks on what the file holds beyond the frames, rows and columns that its attributes state;
// all of that is left out.
std::vector<std::string> check_frames(std::span<const uint8_t> bytes, const DicomHeader& header);

}  // namespace primal::codec
