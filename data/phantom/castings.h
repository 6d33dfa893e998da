// Castings: made-up pictures of round machined parts, seen from above, half of them with a defect, so that
// inspection can be trained, tested and shown without a file.
//
// A part is a surface h(r, theta) on a disc: rim, rings, hub with a bore, and a circle of bolt holes, each
// with rounded edges. The light comes from one side, so that the picture is a mean grey + relief (slope of h
// towards the light) + grain. In it are, by draw, the radii, the number of holes, the position, the turn and
// the direction of the light.
// A defect is one of
//   blowholes  a cluster of small pits, dark with a bright edge away from the light
//   scratch    a straight or slightly bent groove across the surface
//   chip       a piece missing at the rim
// Exactly one of the parts 2 k and 2 k + 1 has a defect; a draw decides which. Both may be of any shape.
// Shapes:  f32 [1,1,1,size,size], values in [0,1]; edges are softened over at least one pixel.
// Random:  from the stream (seed, phantom, 2, index): one picture per (seed, index), the same bits for any
//          number of threads; between machines as alike as their exp, sin and cos.
// Errors:  ShapeError for a size below 16 or above 16384.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kCastingSize = 300;

enum class CastingDefect { none, blowholes, scratch, chip };

CastingDefect casting_defect(uint64_t seed, uint32_t index);
Tensor make_casting(uint64_t seed, uint32_t index, int64_t size = kCastingSize);

}  // namespace primal
