// The mean over a neighbourhood of each pixel, whose weights are nearly those of a Gaussian.
//
//   box(y)[i, j] = mean of y over |i' - i| <= radius, |j' - j| <= radius within the picture
//   y -> box(box(box(y)))            deviation of the weights along each axis: sqrt((2 radius + 1)^2 - 1) / 2
//
// A pass takes a few operations for each pixel whatever the radius is: a window's sum is that of its
// neighbour, with one value added and one taken away, in double.
// Shapes:  y [H,W] f32 on the CPU, in place; radius >= 0.
// Same bits for any number of threads.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

inline constexpr int kLocalMeanPasses = 3;  // of box

void local_mean(const Tensor& y, int64_t radius);

// The deviation of its weights along an axis, in pixels.
double local_mean_deviation(int64_t radius);

}  // namespace primal
