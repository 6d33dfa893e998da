// The eight orientations of EXIF (2.32, 4.6.4), as the picture lies in its file:
//
//   1 upright          2 mirrored left-right       3 turned by 180 degrees    4 mirrored top-bottom
//   5 transposed       6 turn by 90 clockwise      7 anti-transposed          8 turn by 90 counter-clockwise
//     (to see it upright: 5 transpose, 6 and 8 as said, 7 transpose along the other diagonal)
#include <utility>

#include "data/image/codec.h"

namespace primal::codec {

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const int64_t w = image.width, h = image.height;
  Image out(transposed ? h : w, transposed ? w : h, image.channels, image.bit_depth);
  for (int64_t y = 0; y < out.height; ++y) {
    for (int64_t x = 0; x < out.width; ++x) {
      // (u, v): where the upright pixel (x, y) lies in the stored picture.
      int64_t u = transposed ? y : x;
      int64_t v = transposed ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) u = w - 1 - u;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) v = h - 1 - v;
      for (int c = 0; c < image.channels; ++c) out.at(x, y, c) = image.at(u, v, c);
    }
  }
  out.density = transposed ? PixelDensity{image.density.y, image.density.x} : image.density;
  return out;
}

}  // namespace primal::codec
