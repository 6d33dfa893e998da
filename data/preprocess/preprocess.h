// From a picture of any size to the network's input, exactly as Pillow does it: crop, resize, grey, scale.
//
// Crop:    box ((w-s)/2, (h-s)/2, (w+s)/2, (h+s)/2), s = min(w, h), each edge rounded half to even, so that
//          the box may be one pixel off square; a box of no width (w = 4, h = 1) gets one pixel.
// Resize:  bicubic with antialiasing, n_in -> n_out samples along an axis, r = n_in / n_out, f = max(r, 1):
//            y[i] = sum_j k[i,j] x[j],  k[i,j] ~ cubic((j - c + 1/2) / f),  sum_j k[i,j] = 1
//            c = (i + 1/2) r
//            j from max(int(c - 2f + 1/2), 0) up to but not including min(int(c + 2f + 1/2), n_in)
//            cubic(t) =  1.5 |t|^3 - 2.5 |t|^2 + 1              for |t| < 1
//                       -0.5 |t|^3 + 2.5 |t|^2 - 4 |t| + 2      for |t| < 2,  else 0
//          the rows first, then the columns. 8-bit pictures in fixed point: k rounded half away from
//          zero to 22 bits, each pass adds 2^21, shifts right by 22 and clips to 0..255, so that the
//          picture between the passes has 8 bits. 16-bit pictures in double through both passes,
//          rounded and clipped at the end.
// Grey:    ITU-R 601-2, (19595 R + 38470 G + 7471 B + 2^15) >> 16, after the resize.
// Scale:   level / 255 or level / 65535, f32 [1,1,1,H,W].
// Errors:  ShapeError for a size below 1 or above kMaxPixels pixels; IoError for a golden picture not found.
// Source:  Pillow, libImaging/Resample.c and Convert.c; the constant of the cubic is a = -0.5.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/image/image.h"
#include "tensor/op/op.h"
#include "tensor/tensor.h"

namespace primal {

struct CropBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;  // right and bottom are outside
  bool operator==(const CropBox&) const = default;
};

CropBox centre_crop_box(int64_t width, int64_t height);
Image crop(const Image& image, const CropBox& box);
Image resize_bicubic(const Image& image, int64_t width, int64_t height);
Image to_grey(const Image& image);

// Crop to a square, resize to size x size, grey.
Image preprocess(const Image& image, int64_t size);

Tensor to_tensor(const Image& grey);  // f32 [1,1,1,H,W] in [0,1]
// The way back: clipped to [0,1] and rounded to the nearest level. Takes f32 or f64 with H x W elements in
// the last two axes.
Image to_image(const Tensor& x, int bit_depth = 8);

// The golden op: attrs file (looked for by name anywhere below PRIMAL_DATA, default ../shared/data), size,
// source_mode.
OpInfo preprocess_info();

}  // namespace primal
