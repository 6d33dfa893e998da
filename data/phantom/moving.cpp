#include "data/phantom/moving.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "data/phantom/draws.h"
#include "data/phantom/value_noise.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

using phantom::NoiseField;
using phantom::soft;

constexpr uint32_t kMoving = 6;  // of the streams of phantoms

enum class Outline { ellipse, bar, ring, star };
enum class Motion { still, translate, rotate, pulsate };

// A shape at frame 0, and how it moves.
struct Shape2d {
  Outline outline;
  Motion motion;
  double u, v, radius, ratio, angle;  // centre, half length, width over length, direction
  double grey, texture;
  double du, dv, turn, swell, period;  // a frame
  int arms;                            // of a star
  NoiseField pattern;
};

struct Scene {
  double grey, slope_u, slope_v, texture;
  NoiseField coarse, fine;
  std::vector<Shape2d> shapes;
};

Shape2d draw_shape(Draws& draw, Motion motion) {
  const auto outline = static_cast<Outline>(draw.whole(0, 3));
  Shape2d s{.outline = outline,
            .motion = motion,
            .u = draw.in(-0.7, 0.7),
            .v = draw.in(-0.7, 0.7),
            .radius = draw.in(0.16, 0.42),
            .ratio = draw.in(0.3, 0.8),
            .angle = draw.in(0.0, kTurn),
            .grey = draw.in(0.05, 0.95),
            .texture = draw.in(0.0, 1.0) < 0.5 ? draw.in(0.1, 0.3) : 0.0,
            .du = 0.0,
            .dv = 0.0,
            .turn = draw.in(0.035, 0.16) * (draw.in(0.0, 1.0) < 0.5 ? -1.0 : 1.0),
            .swell = draw.in(0.15, 0.33),
            .period = draw.in(8.0, 20.0),
            .arms = draw.whole(3, 6),
            .pattern = NoiseField(draw.whole(14, 30), draw.bits())};
  const double speed = draw.in(0.01, 0.05), towards = draw.in(0.0, kTurn);
  s.du = speed * std::cos(towards);
  s.dv = speed * std::sin(towards);
  return s;
}

Scene draw_scene(uint64_t seed, uint32_t index) {
  Draws draw(seed, kMoving, index);
  Scene scene{.grey = draw.in(0.2, 0.5),
              .slope_u = draw.in(-0.15, 0.15),
              .slope_v = draw.in(-0.15, 0.15),
              .texture = draw.in(0.02, 0.1),
              .coarse = NoiseField(5, draw.bits()),
              .fine = NoiseField(40, draw.bits()),
              .shapes = {}};
  const int n = draw.whole(4, 7);
  for (int i = 0; i < n; ++i) {
    // The first is still, the second moves.
    const Motion motion = i == 0   ? Motion::still
                          : i == 1 ? static_cast<Motion>(draw.whole(1, 3))
                                   : static_cast<Motion>(draw.whole(0, 3));
    scene.shapes.push_back(draw_shape(draw, motion));
  }
  return scene;
}

// A point that moves on a line and turns back at -0.9 and 0.9.
double between_edges(double x) {
  constexpr double kEdge = 0.9;
  const double way = std::fmod(std::fmod(x + kEdge, 4.0 * kEdge) + 4.0 * kEdge, 4.0 * kEdge);
  return way < 2.0 * kEdge ? way - kEdge : 3.0 * kEdge - way;
}

// A shape where it is at one frame.
class Placed {
 public:
  Placed(const Shape2d& shape, double t, double pixel)
      : s_(shape), edge_(std::max(0.5 * pixel, 0.004)), u_(shape.u), v_(shape.v), radius_(shape.radius) {
    double angle = shape.angle;
    if (shape.motion == Motion::translate) u_ = between_edges(u_ + t * shape.du);
    if (shape.motion == Motion::translate) v_ = between_edges(v_ + t * shape.dv);
    if (shape.motion == Motion::rotate) angle += t * shape.turn;
    if (shape.motion == Motion::pulsate) radius_ *= 1.0 + shape.swell * std::sin(kTurn * t / shape.period);
    cos_ = std::cos(angle);
    sin_ = std::sin(angle);
  }

  // The grey of a pixel once this shape lies in front of it.
  double over(double behind, double u, double v) const {
    const double x = (cos_ * (u - u_) + sin_ * (v - v_)) / radius_,
                 y = (cos_ * (v - v_) - sin_ * (u - u_)) / radius_;
    const double cover = soft(inside(x, y) * radius_, edge_);
    if (cover == 0.0) return behind;
    const double own = s_.grey + (s_.texture > 0.0 ? s_.texture * s_.pattern.at(x, y) : 0.0);
    return behind + cover * (own - behind);
  }

 private:
  // About how far a point lies inside the outline, in units of the radius; negative outside.
  double inside(double x, double y) const {
    const double r = std::hypot(x, y);
    switch (s_.outline) {
      case Outline::ellipse:
        return s_.ratio * (1.0 - std::hypot(x, y / s_.ratio));
      case Outline::bar:
        return std::min(1.0 - std::abs(x), s_.ratio - std::abs(y));
      case Outline::ring:
        return 0.5 * s_.ratio - std::abs(r - 1.0 + 0.5 * s_.ratio);
      case Outline::star:
        break;
    }
    return 0.7 * (1.0 + 0.4 * std::cos(s_.arms * std::atan2(y, x))) - r;
  }

  const Shape2d& s_;
  double edge_, u_, v_, radius_, cos_ = 1.0, sin_ = 0.0;
};

}  // namespace

Tensor make_moving_frame(uint64_t seed, uint32_t index, int64_t size, int64_t frame) {
  if (size < 8 || size > 16384) throw ShapeError("[phantom] size must lie in 8 .. 16384, got {}", size);
  if (frame < 0) throw ShapeError("[phantom] frame {} is below 0", frame);
  const Scene scene = draw_scene(seed, index);
  const double pixel = 2.0 / static_cast<double>(size);
  std::vector<Placed> shapes;
  for (const Shape2d& shape : scene.shapes) shapes.emplace_back(shape, static_cast<double>(frame), pixel);
  const Tensor x = Tensor::empty({1, 1, 1, size, size});
  float* const out = x.data<float>();
  parallel_for(Exec{}, size, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const double v = (static_cast<double>(row) + 0.5) * pixel - 1.0;
      for (int64_t column = 0; column < size; ++column) {
        const double u = (static_cast<double>(column) + 0.5) * pixel - 1.0;
        double grey = scene.grey + scene.slope_u * u + scene.slope_v * v + 0.1 * scene.coarse.at(u, v) +
                      scene.texture * scene.fine.at(u, v);
        for (const Placed& shape : shapes) grey = shape.over(grey, u, v);
        out[row * size + column] = static_cast<float>(std::clamp(grey, 0.0, 1.0));
      }
    }
  });
  return x;
}

}  // namespace primal
