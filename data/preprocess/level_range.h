// --range: which levels of a picture become 0 and 1 for the computing. Data of 12 bit in a 16-bit file has levels up to 4095
// of 65535; read as they stand its values reach 0.06, and weights that suit pictures in [0,1] smooth everything away.
//
//   full    0 to the largest level of the file's bit depth: 255 or 65535
//   auto    0 to 2^k - 1, the fewest bits k >= 8 that hold the picture's largest level: 4095 for data of 12 bit
//   LO:HI   these levels; those outside become values below 0 and above 1, and are kept
//
// Results are scaled back to the levels of the file.
// Errors:  ConfigError for another text, or unless 0 <= LO < HI <= 65535. DataError for a HI beyond a picture's bit depth.
#pragma once

#include <string>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

struct LevelRange {
  enum class Kind { full, automatic, given } kind = Kind::full;
  int low = 0, high = 0;  // where given
};
LevelRange parse_level_range(const std::string& text);

// The levels of one picture that stand for 0 and 1.
struct Levels {
  int low = 0, high = 255;
};
Levels all_levels(const Image& image);
Levels levels_of(const Image& image, const LevelRange& range, const std::string& name);

Tensor to_unit(const Image& grey, const Levels& levels);  // f32 [1,1,1,H,W]
// The way back: a picture of the bit depth given, clipped to what it holds.
Image from_unit(const Tensor& x, const Levels& levels, int bit_depth);

// The same picture with `levels` spread over all levels of its bit depth, clipped; itself where they are all of them.
Image stretched(const Image& image, const Levels& levels);

// The range that gives another picture the levels this one has got: a noisy picture and its clean one share them.
LevelRange same_range(const LevelRange& range, const Levels& levels);

// "uses 6 % of its 16 bit: ..." for a 16-bit picture whose largest level is below a quarter of 65535; else empty.
std::string small_range_remark(const std::string& name, int bit_depth, int largest_level);

}  // namespace primal
