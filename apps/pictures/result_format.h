// The format of denoised pictures: what --format says, or else the ending of -o FILE, or else what
// the picture's own format leads to (data/formats/formats.h): PNG for PNG, JPEG, PNM and WebP, the
// same format for all others.
#pragma once

#include <string>

#include "apps/pictures/inputs.h"
#include "apps/pictures/results.h"

namespace primal {

// `format` as given with --format, `output` with -o. ConfigError where they name different formats, or one
// that is unknown or that this build cannot write.
void check_result_format(const std::string& format, const std::string& output);

// With the dot. Looks at the first bytes of the picture where nothing else says it.
std::string result_ending(const std::string& format, const ResultPlace& place, PictureInput& input);

}  // namespace primal
