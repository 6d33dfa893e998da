#include "data/phantom/castings.h"

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

constexpr uint32_t kCastings = 2,
                   kDefects = 3;  // of the streams of phantoms: shapes, and which part of a pair is broken

// A bump or a pit of the surface with a round edge: h = height soft((radius - distance) / edge).
struct Disc {
  double u, v, radius, edge, height;
};

struct Part {
  double u, v;          // centre
  double radius, turn;  // of the rim
  double light;         // direction it comes from
  double relief, grey, shade_along;
  std::vector<Disc> steps;  // rings and hub, around the centre
  std::vector<Disc> holes;  // bore and bolt holes, dark at the bottom
  std::vector<Disc> pits;
  // The scratch, from one point to another, bent by `bow` in its middle.
  bool has_scratch = false;
  double u0 = 0, v0 = 0, u1 = 0, v1 = 0, bow = 0, width = 0, depth = 0;
  // The chip: what lies inside this circle, which crosses the rim, is gone.
  bool has_chip = false;
  Disc chip{};
  uint32_t grain_seed = 0;
};

void draw_defect(Part& part, CastingDefect defect, Draws& draw) {
  const double angle = draw.in(0.0, kTurn);
  if (defect == CastingDefect::blowholes) {
    const double r = draw.in(0.4, 0.8) * part.radius;
    const int n = draw.whole(3, 7);
    for (int k = 0; k < n; ++k) {
      const double radius = draw.in(0.018, 0.04);
      part.pits.push_back({part.u + r * std::cos(angle) + draw.in(-0.13, 0.13),
                           part.v + r * std::sin(angle) + draw.in(-0.13, 0.13), radius, 0.5 * radius, -1.0});
    }
  } else if (defect == CastingDefect::scratch) {
    const double r = draw.in(0.45, 0.7) * part.radius, along = draw.in(0.0, kTurn),
                 length = draw.in(0.2, 0.4);
    const double u = part.u + r * std::cos(angle), v = part.v + r * std::sin(angle);
    part.has_scratch = true;
    part.u0 = u - 0.5 * length * std::cos(along), part.v0 = v - 0.5 * length * std::sin(along);
    part.u1 = u + 0.5 * length * std::cos(along), part.v1 = v + 0.5 * length * std::sin(along);
    part.bow = draw.in(-0.04, 0.04);
    part.width = draw.in(0.012, 0.02);
    part.depth = draw.in(0.2, 0.35);
  } else if (defect == CastingDefect::chip) {
    const double radius = draw.in(0.1, 0.18), r = part.radius + draw.in(0.2, 0.5) * radius;
    part.has_chip = true;
    part.chip = {part.u + r * std::cos(angle), part.v + r * std::sin(angle), radius, 0.02, 0.0};
  }
}

Part draw_part(uint64_t seed, uint32_t index) {
  Draws draw(seed, kCastings, index);
  Part part{};
  part.u = draw.in(-0.05, 0.05), part.v = draw.in(-0.05, 0.05);
  part.radius = draw.in(0.8, 0.88);
  part.turn = draw.in(0.0, kTurn);
  part.light = draw.in(0.0, kTurn);
  part.relief = draw.in(0.02, 0.035);
  part.grey = draw.in(0.5, 0.62);
  part.shade_along = draw.in(0.02, 0.1);
  const auto around_centre = [&](double radius, double edge, double height) {
    part.steps.push_back({part.u, part.v, radius * part.radius, edge, height});
  };
  around_centre(0.985, 0.03, 1.0);                 // the rim's outer edge
  around_centre(draw.in(0.86, 0.92), 0.03, -0.6);  // behind the rim it falls
  const int n_rings = draw.whole(1, 2);
  for (int k = 0; k < n_rings; ++k) {
    const double radius = draw.in(0.66, 0.74) - 0.12 * k;
    around_centre(radius, 0.02, 0.4);
    around_centre(radius - 0.05, 0.02, -0.4);
  }
  const double hub = draw.in(0.3, 0.38);
  around_centre(hub, 0.035, 0.8);
  part.holes.push_back({part.u, part.v, draw.in(0.12, 0.18) * part.radius, 0.02, -1.0});
  const int n_holes = draw.whole(4, 8);
  const double circle = 0.5 * (hub + 0.54) * part.radius, radius = draw.in(0.035, 0.05);
  for (int k = 0; k < n_holes; ++k) {
    const double angle = part.turn + kTurn * k / n_holes;
    part.holes.push_back(
        {part.u + circle * std::cos(angle), part.v + circle * std::sin(angle), radius, 0.015, -1.0});
  }
  part.grain_seed = draw.bits();
  draw_defect(part, casting_defect(seed, index), draw);
  return part;
}

class Renderer {
 public:
  Renderer(const Part& part, int64_t size)
      : p_(part),
        size_(size),
        pixel_(2.0 / static_cast<double>(size)),
        to_light_u_(std::cos(part.light)),
        to_light_v_(std::sin(part.light)),
        spots_(9, part.grain_seed),
        grain_(90, part.grain_seed) {}

  void render(float* out) const {
    parallel_for(Exec{}, size_, 8, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        for (int64_t x = 0; x < size_; ++x)
          out[y * size_ + x] =
              static_cast<float>(std::clamp(grey_at(coordinate(x), coordinate(y)), 0.0, 1.0));
      }
    });
  }

 private:
  double coordinate(int64_t i) const { return (static_cast<double>(i) + 0.5) * pixel_ - 1.0; }
  double edge(double width) const { return std::max(width, pixel_); }

  double inside(const Disc& d, double u, double v) const {
    return soft(d.radius - std::hypot(u - d.u, v - d.v), edge(d.edge));
  }

  // How much the edge of a disc leans towards the light: its slope outwards, times the cosine to the light.
  // Positive where a raised edge faces it.
  double lean(const Disc& d, double u, double v) const {
    const double du = u - d.u, dv = v - d.v, r = std::hypot(du, dv), width = edge(d.edge);
    const double t = (d.radius - r) / width;
    if (std::abs(t) >= 1.0 || r == 0.0) return 0.0;
    const double slope = 0.75 * (1.0 - t * t) / width;  // of soft()
    return d.height * slope * (du * to_light_u_ + dv * to_light_v_) / r;
  }

  // The groove of a scratch: dark in its middle, bright on the side that faces the light.
  double scratch(double u, double v) const {
    const double du = p_.u1 - p_.u0, dv = p_.v1 - p_.v0, length = std::hypot(du, dv);
    const double s = ((u - p_.u0) * du + (v - p_.v0) * dv) / (length * length);
    if (s < 0.0 || s > 1.0) return 0.0;
    const double across = ((v - p_.v0) * du - (u - p_.u0) * dv) / length - 4.0 * p_.bow * s * (1.0 - s);
    const double width = edge(p_.width), t = across / width;
    if (std::abs(t) >= 2.0) return 0.0;
    const double facing = (-dv * to_light_u_ + du * to_light_v_) / length;  // of the side where across > 0
    const double ends = std::min({1.0, 8.0 * s, 8.0 * (1.0 - s)});
    return p_.depth * ends * (-std::exp(-t * t) + 0.8 * facing * t * std::exp(-t * t));
  }

  double grey_at(double u, double v) const {
    const double ground = 0.1 + 0.04 * spots_.at(u, v) + 0.02 * grain_.at(u, v);
    Disc body{p_.u, p_.v, p_.radius, 0.012, 1.0};
    double covered = inside(body, u, v);
    if (p_.has_chip) covered *= 1.0 - inside(p_.chip, u, v);
    if (covered == 0.0) return ground;

    double grey = p_.grey + 0.035 * spots_.at(u, v) + 0.04 * grain_.at(u, v);
    grey += p_.shade_along * (u * to_light_u_ + v * to_light_v_);  // nearer to the lamp it is lighter
    for (const Disc& step : p_.steps) grey += p_.relief * 0.4 * lean(step, u, v);
    if (p_.has_chip) grey -= p_.relief * 0.25 * lean({p_.chip.u, p_.chip.v, p_.chip.radius, 0.03, 1.0}, u, v);
    if (p_.has_scratch) grey += scratch(u, v);
    for (const Disc& pit : p_.pits) grey += 0.004 * lean(pit, u, v) - 0.3 * inside(pit, u, v);
    for (const Disc& hole : p_.holes) {
      const double in = inside(hole, u, v);
      grey = grey * (1.0 - in) + 0.08 * in + p_.relief * 0.15 * lean(hole, u, v);
    }
    return ground + (grey - ground) * covered;
  }

  const Part& p_;
  int64_t size_;
  double pixel_, to_light_u_, to_light_v_;
  NoiseField spots_, grain_;
};

}  // namespace

CastingDefect casting_defect(uint64_t seed, uint32_t index) {
  const RandomStream stream(seed, RandomPurpose::phantom, kDefects, index / 2);
  const bool first_is_broken = stream.uniform(0) < 0.5;
  if (first_is_broken != (index % 2 == 0)) return CastingDefect::none;
  return static_cast<CastingDefect>(1 + static_cast<int>(3.0 * stream.uniform(1)));
}

Tensor make_casting(uint64_t seed, uint32_t index, int64_t size) {
  if (size < 16 || size > 16384) throw ShapeError("[casting] size must lie in 16 .. 16384, got {}", size);
  const Tensor x = Tensor::empty({1, 1, 1, size, size});
  const Part part = draw_part(seed, index);
  Renderer(part, size).render(x.data<float>());
  return x;
}

}  // namespace primal
