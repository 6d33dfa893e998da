// Digits: made-up handwriting of 0 to 9, so that what learns from MNIST can be trained, tested
// and shown without a file.
//
// Each digit is a few strokes, smooth curves through control points (Catmull-Rom) that this file's
// own table gives. A picture moves each point a little, then scales, slants, turns and shifts the
// whole, and draws it with a pen of a drawn width: white on black, in the middle as MNIST has it, the
// strokes within 20 of 28 pixels.
// Each class occurs once among the ten digits 10 k .. 10 k + 9, in an order that is drawn.
// Shapes:  f32 [1,1,1,size,size], values in [0,1].
// Random:  from the streams (seed, phantom, 4, index) and, for the order of the classes,
//          (seed, phantom, 5, index / 10).
// Errors:  ShapeError for a size below 8 or above 16384, and for a set without digits or beyond the 2^32
//          indices.
#pragma once

#include <cstdint>

#include "data/idx/idx.h"
#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kDigitSize = 28;

int digit_label(uint64_t seed, uint32_t index);
Tensor make_digit(uint64_t seed, uint32_t index, int64_t size = kDigitSize);

// The digits first_index .. first_index + n - 1, rounded to 8 bits: a set like those of MNIST's files.
LabelledPictures make_digits(uint64_t seed, int64_t n, uint32_t first_index = 0, int64_t size = kDigitSize);

}  // namespace primal
