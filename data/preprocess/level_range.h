// --range: which values of a picture become 0 and 1 for the computing. Data of 12 bit in a 16-bit file has
// levels up to 4095 of 65535; read as they stand its values reach 0.06, and weights that suit pictures in
// [0,1] smooth everything away.
//
//           levels: unsigned 8 and 16 bit                                 signed, 32-bit, float, rescaled
//   full    0 to white: 255, 65535, or what a PGM declares                the file's smallest value to
//                                                                         its largest, of all pages
//   auto    0 to 2^k - 1, the fewest bits k >= 8 that hold the picture's  the same
//           largest level: 4095 for data of 12 bit
//   LO:HI   these levels                                                  these values, in the file's units
//
// Values outside the range become values below 0 and above 1, and are kept. Results are scaled back to the
// values of the file, with the type of its samples: integers are rounded and clipped to what their type
// holds, floats are not clipped.
// Errors:  ConfigError for another text, or unless LO < HI. DataError for a range beyond the
//          levels of a picture of levels.
#pragma once

#include <string>

#include "data/image/image.h"
#include "data/image/raster/raster.h"
#include "tensor/tensor.h"

namespace primal {

struct LevelRange {
  enum class Kind { full, automatic, given } kind = Kind::full;
  double low = 0.0, high = 0.0;  // where given
};
LevelRange parse_level_range(const std::string& text);

// The values of one picture that stand for 0 and 1.
struct Levels {
  double low = 0.0, high = 255.0;
};
Levels all_levels(const Image& image);
Levels levels_of(const Image& image, const LevelRange& range, const std::string& name);

Tensor to_unit(const Image& grey, const Levels& levels);  // f32 [1,1,1,H,W]
// The way back: a picture of the bit depth given, clipped to what it holds.
Image from_unit(const Tensor& x, const Levels& levels, int bit_depth);

// The same for a raster, over all its pages. DataError naming the first value that is no finite number.
Levels levels_of(const Raster& raster, const LevelRange& range, const std::string& name);
Tensor to_unit(const Raster& grey, int64_t page, const Levels& levels);  // f32 [1,1,1,H,W]
void set_from_unit(Raster& grey, int64_t page, const Tensor& x, const Levels& levels);

// The same picture with `levels` spread over all levels of its bit depth, clipped; itself where they are all
// of them.
Image stretched(const Image& image, const Levels& levels);

// The range that gives another picture the levels this one has got: a noisy picture and its clean one share
// them. Full stays full for pictures of levels, whose bit depths may differ.
LevelRange same_range(const LevelRange& range, const Levels& levels, bool of_levels = true);

// "uses 6 % of its 16 bit: ..." for a 16-bit picture whose largest level is below a quarter of 65535; else
// empty.
std::string small_range_remark(const std::string& name, int bit_depth, int largest_level);

}  // namespace primal
