#include "data/sequence/frames.h"

#include <cstring>

#include "tensor/error.h"

namespace primal {
namespace {

void check_index(const Tensor& sequence, int64_t i, int axis, const char* what) {
  if (sequence.shape().rank() != 5)
    throw ShapeError("[sequence] expects [N,C,H,W,T], found {}", sequence.str());
  if (i < 0 || i >= sequence.size(axis))
    throw ShapeError("[sequence] {} {} of {}", what, i, sequence.size(axis));
}

// n elements of `size` bytes, `from_step` and `to_step` elements apart.
void copy_spread(const void* from, int64_t from_step, void* to, int64_t to_step, int64_t n, size_t size) {
  const char* a = static_cast<const char*>(from);
  char* b = static_cast<char*>(to);
  const auto from_bytes = static_cast<size_t>(from_step) * size,
             to_bytes = static_cast<size_t>(to_step) * size;
  for (int64_t i = 0; i < n; ++i, a += from_bytes, b += to_bytes) std::memcpy(b, a, size);
}

char* at(const Tensor& t, int64_t element) {
  return static_cast<char*>(t.raw()) + static_cast<size_t>(element) * size_of(t.dtype());
}

}  // namespace

Tensor frames_last(std::span<const Tensor> frames) {
  if (frames.empty()) throw ShapeError("[sequence] no frames");
  const Tensor& first = frames.front();
  const Shape& s = first.shape();
  if (s.rank() != 5 || s[2] != 1)
    throw ShapeError("[sequence] a frame is [N,C,1,H,W], found {}", first.str());
  const int64_t n_frames = std::ssize(frames);
  const Tensor all = Tensor::empty(Shape{s[0], s[1], s[3], s[4], n_frames}, first.dtype());
  for (int64_t t = 0; t < n_frames; ++t) {
    const Tensor& frame = frames[static_cast<size_t>(t)];
    if (frame.shape() != s || frame.dtype() != first.dtype())
      throw ShapeError("[sequence] frame {} is {}, the first is {}", t, frame.str(), first.str());
    copy_spread(frame.raw(), 1, at(all, t), n_frames, frame.numel(), size_of(all.dtype()));
  }
  return all;
}

Tensor frame_at(const Tensor& sequence, int64_t t) {
  check_index(sequence, t, 4, "frame");
  const Shape& s = sequence.shape();
  const Tensor frame = Tensor::empty(Shape{s[0], s[1], 1, s[2], s[3]}, sequence.dtype());
  copy_spread(at(sequence, t), s[4], at(frame, 0), 1, frame.numel(), size_of(frame.dtype()));
  return frame;
}

Tensor time_slice(const Tensor& sequence, int64_t row) {
  check_index(sequence, row, 2, "row");
  const Shape& s = sequence.shape();
  const Tensor slice = Tensor::empty(Shape{1, 1, 1, s[4], s[3]}, sequence.dtype());
  for (int64_t t = 0; t < s[4]; ++t)
    copy_spread(at(sequence, row * s[3] * s[4] + t), s[4], at(slice, t * s[3]), 1, s[3],
                size_of(slice.dtype()));
  return slice;
}

}  // namespace primal
