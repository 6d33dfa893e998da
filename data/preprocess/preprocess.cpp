#include "data/preprocess/preprocess.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace primal {
namespace {

// n / 2 rounded half to even, n >= 0.
int64_t half_to_even(int64_t n) {
  const int64_t floor = n / 2;
  return n % 2 == 1 && floor % 2 == 1 ? floor + 1 : floor;
}

}  // namespace

CropBox centre_crop_box(int64_t width, int64_t height) {
  const int64_t s = std::min(width, height);
  CropBox box{half_to_even(width - s), half_to_even(height - s), half_to_even(width + s),
              half_to_even(height + s)};
  box.right = std::max(box.right, box.left + 1);
  box.bottom = std::max(box.bottom, box.top + 1);
  return box;
}

Image crop(const Image& image, const CropBox& box) {
  if (box.left < 0 || box.top < 0 || box.right > image.width || box.bottom > image.height) {
    throw ShapeError("[crop] box ({}, {}, {}, {}) reaches outside the picture of {} x {}", box.left, box.top,
                     box.right, box.bottom, image.width, image.height);
  }
  Image out(box.right - box.left, box.bottom - box.top, image.channels, image.bit_depth);
  for (int64_t y = 0; y < out.height; ++y) {
    const uint16_t* row = image.row(box.top + y) + box.left * image.channels;
    std::copy(row, row + out.width * out.channels, out.row(y));
  }
  return out;
}

Image to_grey(const Image& image) {
  if (image.channels == 1) return image;
  Image grey(image.width, image.height, 1, image.bit_depth);
  for (size_t i = 0; i < grey.levels.size(); ++i) {
    const uint32_t r = image.levels[3 * i], g = image.levels[3 * i + 1], b = image.levels[3 * i + 2];
    grey.levels[i] = static_cast<uint16_t>((19595 * r + 38470 * g + 7471 * b + (1u << 15)) >> 16);
  }
  grey.had_alpha = image.had_alpha;
  grey.density = image.density;
  grey.remarks = image.remarks;
  return grey;
}

Image preprocess(const Image& image, int64_t size) {
  return to_grey(resize_bicubic(crop(image, centre_crop_box(image.width, image.height)), size, size));
}

Tensor to_tensor(const Image& grey) {
  if (grey.channels != 1)
    throw ShapeError("[to_tensor] needs a grey picture, got {} channels", grey.channels);
  const Tensor x = Tensor::empty({1, 1, 1, grey.height, grey.width});
  const float top = static_cast<float>(grey.max_level());
  std::transform(grey.levels.begin(), grey.levels.end(), x.data<float>(),
                 [top](uint16_t level) { return static_cast<float>(level) / top; });
  return x;
}

Image to_image(const Tensor& x, int bit_depth) {
  if (!x.defined() || x.shape().rank() < 2 || x.size(-1) * x.size(-2) != x.numel()) {
    throw ShapeError("[to_image] needs one picture [..., H, W], got {}", x.defined() ? x.str() : "no tensor");
  }
  Image image(x.size(-1), x.size(-2), 1, bit_depth);
  const double top = image.max_level();
  dispatch_floating(x.dtype(), "to_image", [&]<class T>() {
    std::transform(x.data<T>(), x.data<T>() + x.numel(), image.levels.begin(), [top](T value) {
      // A NaN fails the comparison and becomes black.
      const double clipped = value > T{0} ? std::min(static_cast<double>(value), 1.0) : 0.0;
      return static_cast<uint16_t>(std::floor(clipped * top + 0.5));
    });
  });
  return image;
}

}  // namespace primal
