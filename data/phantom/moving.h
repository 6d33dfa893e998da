// Moving phantoms: generated sequences of frames in which some things move and some do not, so that denoising
// in time can be trained, tested and shown without a file.
//
// A scene is a background with a gradient and a faint texture, and four to seven shapes in front of one
// another: ellipses, bars, rings and stars, some of them with a texture of their own that moves with them.
// Each shape has one of these motions:
//   still       it does not move
//   translate   it moves on a straight line, 0.01 to 0.05 per frame in units of half the side,
//               and turns back at the edges
//   rotate      it rotates by 2 to 9 degrees per frame
//   pulsate     its size grows and shrinks by up to a third, with a period of 8 to 20 frames
// At least one shape is still and at least one moves.
// Shapes:  frame t of a scene, f32 [1,1,1,size,size], values in [0,1]; edges are softened over at least one
//          pixel.
// Random:  from the stream (seed, phantom, 6, index): one scene per (seed, index), the same for any number of
//          frames and threads; between machines it may differ as much as their sin and cos do.
// Errors:  ShapeError for a size below 8 or above 16384, and for a frame below 0.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

Tensor make_moving_frame(uint64_t seed, uint32_t index, int64_t size, int64_t frame);

}  // namespace primal
