#include "apps/sequences/sequence_figures.h"

#include <algorithm>
#include <cstring>

#include "data/image/apng.h"
#include "data/preprocess/preprocess.h"
#include "data/sequence/frames.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Channel c of a map as a sequence of its own, [1,1,H,W,T].
Tensor channel(const Tensor& lambda, int64_t c) {
  const Tensor channels = lambda.reshape(lambda.shape().with(0, lambda.size(1)).with(1, 1));
  return channels.slice(c, c + 1);
}

// The row of pixels in the middle over time, each moment as so many rows that the picture is about as high as
// wide.
Tensor slice_of(const Tensor& sequence) {
  const Tensor slice = time_slice(sequence, sequence.size(2) / 2);
  const int64_t width = slice.size(4), n_frames = slice.size(3),
                rows = std::max<int64_t>(1, width / n_frames);
  const Tensor tall = Tensor::empty(Shape{1, 1, 1, n_frames * rows, width}, slice.dtype());
  const size_t bytes = static_cast<size_t>(width) * size_of(slice.dtype());
  const char* const from = static_cast<const char*>(slice.raw());
  char* const to = static_cast<char*>(tall.raw());
  for (int64_t i = 0; i < n_frames * rows; ++i)
    std::memcpy(to + static_cast<size_t>(i) * bytes, from + static_cast<size_t>(i / rows) * bytes, bytes);
  return tall;
}

constexpr int64_t kSpace = 0, kTime = 2;  // channels of a map: x and y share theirs

}  // namespace

Tensor maps_of(const Tensor& lambda) {
  const Tensor both = Tensor::empty(Shape{2, lambda.size(2), lambda.size(3), lambda.size(4)}, lambda.dtype());
  for (const auto& [at, c] : {std::pair{int64_t{0}, kSpace}, std::pair{int64_t{1}, kTime}}) {
    const Tensor one = channel(lambda, c);
    both.slice(at, at + 1).copy_from(one.reshape(both.shape().with(0, 1)));
  }
  return both;
}

Figure map_figure(const Tensor& lambda, int64_t t) {
  const auto panel = [&](const char* title, int64_t c) {
    return Panel{title, Picture::log_map(frame_at(channel(lambda, c), t), "Lambda")};
  };
  return {.rows = {{panel("Lambda in space, log scale", kSpace), panel("Lambda in time, log scale", kTime)}}};
}

Figure sequence_figure(const std::vector<ShownSequence>& shown, const Tensor& lambda, int64_t t) {
  std::vector<Panel> frames, slices;
  for (const ShownSequence& s : shown) {
    frames.push_back({s.title, Picture::grey(frame_at(s.frames, t))});
    slices.push_back({"one row over time", Picture::grey(slice_of(s.frames))});
  }
  if (lambda.defined()) {
    for (const auto& [title, c] :
         {std::pair{"Lambda in space", kSpace}, std::pair{"Lambda in time", kTime}}) {
      const Tensor map = channel(lambda, c);
      frames.push_back({title, Picture::log_map(frame_at(map, t), "Lambda")});
      slices.push_back({"one row over time", Picture::log_map(slice_of(map), "Lambda")});
    }
  }
  return {.rows = {frames, slices}};
}

std::vector<uint8_t> sequence_film(const std::vector<ShownSequence>& shown, int64_t zoom, int delay_ms) {
  if (shown.empty()) throw ShapeError("[sequence] an animation needs at least one sequence");
  const Shape& s = shown.front().frames.shape();
  const int64_t height = s[2], width = s[3], n_frames = s[4], gap = 2;
  std::vector<Image> film;
  for (int64_t t = 0; t < n_frames; ++t) {
    const int64_t n = std::ssize(shown);
    Image picture(n * width * zoom + (n - 1) * gap, height * zoom, 1);
    std::ranges::fill(picture.levels, picture.max_level());
    for (int64_t i = 0; i < n; ++i) {
      const Image frame = to_image(frame_at(shown[static_cast<size_t>(i)].frames, t));
      for (int64_t y = 0; y < height * zoom; ++y) {
        for (int64_t x = 0; x < width * zoom; ++x)
          picture.at(i * (width * zoom + gap) + x, y) = frame.at(x / zoom, y / zoom);
      }
    }
    film.push_back(std::move(picture));
  }
  return encode_apng(film, delay_ms);
}

}  // namespace primal
