// Phantoms: made-up chest radiographs, so that everything can be trained, tested and shown without a file.
//
// A picture is a projection: each tissue adds or removes attenuation A(u, v) along the ray through the point
// (u, v), with u and v in [-1, 1] from left to right and top to bottom, and the picture is w(1 - exp(-A))
// with a window w. In it are
//   body       an elliptic cylinder with shoulders and neck, black outside (anatomy.h names every measure)
//   lungs      air behind the chest wall, bounded by ribs, mediastinum and diaphragm; vessels that branch
//              out from the hila
//   heart      on the picture's right, great vessels above it, with a profile that varies
//   bones      spine with vertebrae, ribs as tilted rings (behind high, in front low), clavicles, shoulder
//              heads
//   abdomen    two domes, some with a bubble of air; some pictures show a chin or a letter mark
// Edges are softened over at least one pixel, so a phantom looks alike at any size.
// Shapes:  f32 [1,1,1,size,size], values in [0,1].
// Random:  the measures come from the stream (seed, phantom, 0, index): one picture per (seed, index), the
//          same bits for any number of threads; between machines as alike as their exp and pow.
// Errors:  ShapeError for a size below 8 or above 16384.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

Tensor make_phantom(uint64_t seed, uint32_t index, int64_t size);

}  // namespace primal
