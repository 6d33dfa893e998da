#include "data/phantom/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "data/phantom/value_noise.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

constexpr uint32_t kShapes = 4, kOrder = 5;  // of the streams of phantoms

struct Point {
  double u, v;  // from left to right and top to bottom, a digit within 0.6 and 0.9 of the middle
};
using Stroke = std::vector<Point>;

// A stroke of two points is a line, one of more a smooth curve through them.
const std::array<std::vector<Stroke>, 10>& strokes() {
  static const std::array<std::vector<Stroke>, 10> table{{
      {{{0, -.9}, {-.4, -.6}, {-.5, 0}, {-.38, .6}, {0, .9}, {.4, .6}, {.5, 0}, {.4, -.6}, {0, -.9}}},
      {{{-.25, -.55}, {.05, -.9}}, {{.05, -.9}, {.03, .9}}},
      {{{-.5, -.5}, {-.3, -.82}, {.1, -.88}, {.45, -.55}, {.3, -.1}, {-.2, .5}, {-.55, .85}},
       {{-.55, .85}, {0, .8}, {.6, .85}}},
      {{{-.45, -.7}, {0, -.9}, {.42, -.55}, {.2, -.12}, {-.12, -.03}},
       {{-.12, -.03}, {.35, .1}, {.5, .45}, {.1, .88}, {-.5, .7}}},
      {{{.2, -.9}, {-.6, .25}}, {{-.6, .25}, {.6, .25}}, {{.25, -.25}, {.2, .9}}},
      {{{.5, -.85}, {-.35, -.85}},
       {{-.35, -.85}, {-.42, -.1}},
       {{-.42, -.1}, {0, -.22}, {.45, .1}, {.42, .6}, {0, .9}, {-.5, .7}}},
      {{{.35, -.85},
        {-.15, -.5},
        {-.48, .1},
        {-.4, .65},
        {0, .9},
        {.4, .65},
        {.35, .2},
        {0, .02},
        {-.4, .3}}},
      {{{-.5, -.8}, {.5, -.85}}, {{.5, -.85}, {.2, -.2}, {-.1, .35}, {-.2, .9}}},
      {{{0, -.04},
        {-.38, -.4},
        {-.25, -.8},
        {.15, -.88},
        {.38, -.55},
        {.2, -.2},
        {0, -.04},
        {-.4, .3},
        {-.35, .75},
        {0, .9},
        {.4, .7},
        {.4, .3},
        {0, -.04}}},
      {{{.4, -.4},
        {.1, -.1},
        {-.35, -.2},
        {-.4, -.6},
        {0, -.9},
        {.38, -.65},
        {.4, -.2},
        {.35, .3},
        {.15, .9}}},
  }};
  return table;
}

// The curve between b and c, with a and d before and after them, at t in [0, 1].
double catmull_rom(double a, double b, double c, double d, double t) {
  return 0.5 *
         (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t);
}

// The curve through the points, as short lines.
Stroke smooth(const Stroke& points) {
  if (points.size() == 2) return points;
  constexpr int kSteps = 8;
  Stroke line{points.front()};
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const Point &b = points[i], &c = points[i + 1];
    const Point &a = points[i == 0 ? 0 : i - 1], &d = points[std::min(i + 2, points.size() - 1)];
    for (int k = 1; k <= kSteps; ++k) {
      const double t = static_cast<double>(k) / kSteps;
      line.push_back({catmull_rom(a.u, b.u, c.u, d.u, t), catmull_rom(a.v, b.v, c.v, d.v, t)});
    }
  }
  return line;
}

double distance(const Stroke& line, double u, double v) {
  double nearest = 1e9;
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    const double du = line[i + 1].u - line[i].u, dv = line[i + 1].v - line[i].v;
    const double pu = u - line[i].u, pv = v - line[i].v, squared = du * du + dv * dv;
    const double t = squared > 0.0 ? std::clamp((pu * du + pv * dv) / squared, 0.0, 1.0) : 0.0;
    nearest = std::min(nearest, std::hypot(pu - t * du, pv - t * dv));
  }
  return nearest;
}

}  // namespace

int digit_label(uint64_t seed, uint32_t index) {
  const std::vector<int64_t> order =
      RandomStream(seed, RandomPurpose::phantom, kOrder, index / 10).permutation(10);
  return static_cast<int>(order[index % 10]);
}

Tensor make_digit(uint64_t seed, uint32_t index, int64_t size) {
  if (size < 8 || size > 16384) throw ShapeError("[digit] size must lie in 8 .. 16384, got {}", size);
  const RandomStream stream(seed, RandomPurpose::phantom, kShapes, index);
  uint64_t next = 0;
  const auto draw = [&](double low, double high) { return low + (high - low) * stream.uniform(next++); };
  const double pen = draw(0.07, 0.13);
  const double height = draw(0.66, 0.76), width = height * draw(0.8, 1.15), slant = draw(-0.1, 0.35),
               turn = draw(-0.15, 0.15);
  const double shift_u = draw(-0.07, 0.07), shift_v = draw(-0.07, 0.07), ink = draw(0.85, 1.0);
  std::vector<Stroke> lines;
  for (const Stroke& stroke : strokes()[static_cast<size_t>(digit_label(seed, index))]) {
    Stroke moved;
    for (const Point& p : stroke) {
      const double u = p.u + draw(-0.06, 0.06), v = p.v + draw(-0.06, 0.06);
      const double wide = width * (u - slant * v), high = height * v;
      moved.push_back({std::cos(turn) * wide - std::sin(turn) * high + shift_u,
                       std::sin(turn) * wide + std::cos(turn) * high + shift_v});
    }
    lines.push_back(smooth(moved));
  }
  const Tensor x = Tensor::empty({1, 1, 1, size, size});
  const double pixel = 2.0 / static_cast<double>(size);
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = 0; j < size; ++j) {
      const double u = (static_cast<double>(j) + 0.5) * pixel - 1.0,
                   v = (static_cast<double>(i) + 0.5) * pixel - 1.0;
      double nearest = 1e9;
      for (const Stroke& line : lines) nearest = std::min(nearest, distance(line, u, v));
      x.data<float>()[i * size + j] = static_cast<float>(ink * phantom::soft(pen - nearest, 0.8 * pixel));
    }
  }
  return x;
}

LabelledPictures make_digits(uint64_t seed, int64_t n, uint32_t first_index, int64_t size) {
  if (n < 1 || n > int64_t{UINT32_MAX} - first_index)
    throw ShapeError("[digit] {} digits from index {}", n, first_index);
  LabelledPictures set{n, size, size, {}, {}};
  set.levels.resize(static_cast<size_t>(n * size * size));
  set.labels.resize(static_cast<size_t>(n));
  parallel_for(Exec{}, n, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<uint32_t>(first_index + i);
      set.labels[static_cast<size_t>(i)] = static_cast<uint8_t>(digit_label(seed, index));
      const Tensor x = make_digit(seed, index, size);
      std::ranges::transform(x.span<float>(), set.levels.begin() + i * size * size,
                             [](float v) { return static_cast<uint8_t>(std::lround(255.0F * v)); });
    }
  });
  return set;
}

}  // namespace primal
