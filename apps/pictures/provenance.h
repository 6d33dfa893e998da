// The text of a result that says how it came about: the settings that pictures and sequences have in common.
// PNG and TIFF hold it as text, DICOM in its description, and DICOM also tells its series apart by it
// (data/image/dicom/derived.cpp).
#pragma once

#include <string>

#include "apps/pictures/denoising_job.h"
#include "data/image/image.h"
#include "data/noise/noise.h"

namespace primal {

// Software, the range whose ends are 0 and 1, and, where they were asked for, the gap, the size and
// the noise that was added.
PngText settings_text(const PictureDenoisingOptions& options, const std::string& range, NoiseKind noise_kind);

// What a text chunk may hold of a name: printable ASCII, anything else as a question mark.
std::string latin_text(std::string text);

}  // namespace primal
