// The scale of a noisy picture and its clean one. PSNR and SSIM compare values between 0 and 1, so what is 0
// and what is 1 must be the same in both.
//
//   both have levels up to a white      by --range: full is each file's own white, whose bits may differ
//   both have values in their own unit  the range of the noisy one
//   one of each                         only a given LO:HI, and only if both files have one unit: levels 0 to
//                                       255 and floats 0.0 to 255.0, but not floats 0.0 to 1.0
//
// Whether they have one unit is judged by the mean magnitude of their values: with other units these differ
// by 255 or 65535, or by 16 with data of 12 bit.
// Errors:  DataError naming both files with their types.
#pragma once

#include <string>

#include "data/image/raster/raster.h"
#include "data/preprocess/level_range.h"

namespace primal {

// One of the two, as far as its scale goes.
struct ScaledPicture {
  std::string name;
  SampleType type = SampleType::u8;
  double white = 255.0;         // 0: none, its values are in a unit of their own
  double mean_magnitude = 0.0;  // of its values; needed by check_common_unit alone
};

// The mean of the absolute values of all samples, in the unit of the file.
double mean_magnitude(const Raster& raster);

// The range with which the clean picture is to be read, if `range` was that of the noisy one and gave it
// `noisy_levels`.
LevelRange range_of_clean(const LevelRange& range, const ScaledPicture& noisy, const Levels& noisy_levels,
                          const ScaledPicture& clean);

// Whether a given range can be meant for both. To be called after range_of_clean, once both are read.
void check_common_unit(const LevelRange& range, const ScaledPicture& noisy, const ScaledPicture& clean);

}  // namespace primal
