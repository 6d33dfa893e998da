#include "data/phantom/phantom.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "data/phantom/anatomy.h"
#include "data/phantom/value_noise.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace phantom {
namespace {

double square(double x) { return x * x; }

// The smaller of two distances, rounded off where they meet.
double smooth_min(double a, double b, double rounding) {
  const double h = std::clamp(0.5 + 0.5 * (b - a) / rounding, 0.0, 1.0);
  return b + (a - b) * h - rounding * h * (1.0 - h);
}

// Everything that is the same along one row of the picture.
struct Row {
  double v;
  double midline;
  double body_width;
  double chest_term, chest_slope;  // of the equation of the chest wall
  std::array<double, 2> mediastinum, mediastinum_slope;
};

class Renderer {
 public:
  Renderer(const Anatomy& anatomy, int64_t size)
      : a_(anatomy),
        size_(size),
        pixel_(2.0 / static_cast<double>(size)),
        coarse_(6, anatomy.texture_seed),
        medium_(18, anatomy.texture_seed),
        fine_(60, anatomy.texture_seed) {}

  void render(float* out) const {
    const std::vector<float> vessels = draw_vessels();
    parallel_for(Exec{}, size_, 8, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        const Row row = make_row(coordinate(y));
        for (int64_t x = 0; x < size_; ++x) {
          out[y * size_ + x] =
              static_cast<float>(pixel(row, coordinate(x), vessels[static_cast<size_t>(y * size_ + x)]));
        }
      }
    });
  }

 private:
  double coordinate(int64_t i) const { return (static_cast<double>(i) + 0.5) * pixel_ - 1.0; }
  double edge(double w) const { return std::max(w, pixel_); }

  Row make_row(double v) const {
    Row row{};
    row.v = v;
    row.midline = a_.midline(v);
    // From the neck the silhouette slopes out to the shoulders; below the armpits it is the chest.
    const double slope = a_.neck_width + a_.shoulder_slope * std::max(v - a_.neck_v, 0.0);
    const double chest = a_.body_width + (1.35 - a_.body_width) * soft(a_.armpit_v - v, 0.3);
    row.body_width = smooth_min(slope, chest, 0.2);
    const double t = std::max((a_.widest_v - v) / (a_.widest_v - a_.apex_v), 0.0);
    row.chest_term = std::pow(t, a_.lung_power);
    row.chest_slope = a_.lung_power / (a_.widest_v - a_.apex_v) * std::pow(t, a_.lung_power - 1.0);
    for (int s = 0; s < 2; ++s) {
      const auto i = static_cast<size_t>(s);
      row.mediastinum[i] = a_.mediastinum(s, v);
      row.mediastinum_slope[i] = (a_.mediastinum(s, v + 0.005) - row.mediastinum[i]) / 0.005;
    }
    return row;
  }

  // Distance into the lung field from the chest wall, negative outside: f / |grad f| of
  // f = 1 - (a / width)^p - ((widest - v) / height)^p.
  double from_chest_wall(const Row& row, const Side& side, double a) const {
    const double s = std::max(a / side.lung_width, 1e-6);
    const double power = std::pow(s, a_.lung_power);
    const double across = a_.lung_power / side.lung_width * power / s;
    const double slope = std::sqrt(square(across) + square(row.chest_slope));
    return std::clamp((1.0 - power - row.chest_term) / std::max(slope, 0.5), -1.0, 0.4);
  }

  double dome(const Side& side, double a) const {
    const double t = (a - side.dome_u) / (side.lung_width - side.dome_u);
    const double fall = a > side.dome_u ? 0.45 * t * t + 0.55 * square(t * t) : 0.25 * t * t;
    return side.dome_v + side.dome_drop * fall;
  }

  double ribs(const Side& side, double a, double v) const {
    double sum = 0.0;
    for (const Rib& rib : side.ribs) {
      const double dv = v - rib.v;
      const bool behind = dv < 0.0;
      const double reach = behind ? rib.rise_behind : rib.drop_in_front;
      if (std::abs(dv) > reach + 3.0 * rib.thickness) continue;
      // Distance to the ring u^2 / U^2 + dv^2 / reach^2 = 1, to first order.
      const double s = a / rib.half_width, t = dv / reach;
      const double f = s * s + t * t - 1.0;
      const double d = f / (2.0 * std::max(std::sqrt(square(s / rib.half_width) + square(t / reach)), 0.2));
      const double band = soft(rib.thickness - std::abs(d), edge(0.008));
      if (band == 0.0) continue;
      // A bone is a tube: its walls absorb more than its middle, and where the ring turns it is seen along.
      const double wall = 0.55 + 0.45 * std::min(square(d / rib.thickness), 1.0);
      const double along = 1.0 + 0.9 * square(square(std::min(square(s), 1.0)));
      // In front, cartilage takes over towards the sternum and leaves no shadow.
      const double front = soft(s - 0.5, 0.2);
      sum += rib.strength * band * wall * along * (behind ? soft(s - 0.05, 0.12) : 0.75 * front);
    }
    return sum;
  }

  double spine(double from_midline, double v) const {
    const double phase = v / a_.vertebra_height + a_.vertebra_phase;
    const double within = 2.0 * (phase - std::floor(phase)) - 1.0;  // -1 .. 1 from disc to disc
    const double waist = a_.spine_width * (0.9 + 0.1 * within * within);
    const double column = soft(waist - std::abs(from_midline), edge(0.025));
    const double disc = 0.75 + 0.25 * soft(0.72 - std::abs(within), 0.12);
    const double plate = 0.14 * std::exp(-square((std::abs(within) - 0.72) / 0.09));
    // Pedicles: two small rings on each vertebra; the spinous process: a drop in the middle.
    const double r = std::hypot((std::abs(from_midline) - 0.55 * a_.spine_width) / 0.018,
                                (within + 0.15) * 0.5 * a_.vertebra_height / 0.026);
    const double pedicle = 0.22 * std::exp(-square((r - 1.0) / 0.4));
    const double process = 0.16 * std::exp(-square(from_midline / 0.014) - square((within - 0.3) / 0.4));
    return a_.spine_strength * column * (disc + plate + pedicle + process);
  }

  double clavicle(const Side& side, double a, double v) const {
    const double s = (a - 0.07) / side.clavicle_length;
    if (s < -0.1 || s > 1.1) return 0.0;
    const double centre =
        side.clavicle_v - side.clavicle_rise * s - side.clavicle_bow * std::sin(6.0 * s - 0.4);
    const double slope =
        (-side.clavicle_rise - 6.0 * side.clavicle_bow * std::cos(6.0 * s - 0.4)) / side.clavicle_length;
    const double thickness = 0.024 + 0.014 * square(2.0 * s - 0.9);
    const double d = (v - centre) / std::sqrt(1.0 + slope * slope);
    const double ends = soft(s, 0.03) * soft(1.0 - s, 0.05);
    const double wall = 0.6 + 0.4 * std::min(square(d / thickness), 1.0);
    return 0.2 * ends * wall * soft(thickness - std::abs(d), edge(0.008));
  }

  double shoulder(const Side& side, double a, double v) const {
    const double r = std::hypot(a - side.shoulder_u, v - side.shoulder_v);
    const double head =
        soft(side.shoulder_radius - r, edge(0.02)) * (0.08 + 0.05 * square(r / side.shoulder_radius));
    // The shaft of the upper arm leaves the picture downwards and outwards.
    const double along = v - side.shoulder_v;
    const double shaft =
        along > 0.0 ? 0.1 * soft(0.07 - std::abs(a - side.shoulder_u - 0.04 - 0.35 * along), edge(0.012))
                    : 0.0;
    // Edge of the shoulder blade, a thin line that runs down and inwards.
    const double blade_d = std::abs(a - side.shoulder_u + 0.1 + 0.3 * along + 0.1 * along * along);
    const double blade =
        0.07 * soft(0.012 - blade_d, edge(0.008)) * soft(along - 0.05, 0.05) * soft(0.55 - along, 0.15);
    return std::max(head, shaft) + blade;
  }

  double pixel(const Row& row, double u, double vessels) const {
    const double v = row.v;
    const double from_midline = u - row.midline;
    const int s = from_midline < 0.0 ? 0 : 1;
    const auto i = static_cast<size_t>(s);
    const Side& side = a_.side[i];
    const double a = std::abs(from_midline);

    // Body: the thickness of an elliptic cylinder.
    const double inside = 1.0 - square(a / row.body_width);
    if (inside <= 0.0) return window(mark(u, v));
    const double body = soft(row.body_width - a - edge(0.01), edge(0.01));  // 0 at the very border
    double attenuation = a_.soft_tissue * (0.25 + 0.75 * std::sqrt(inside)) * body;
    attenuation += 0.06 * coarse_.at(u, v) + 0.025 * medium_.at(u, v);

    // Lung: air takes away what the depth of the field at this point allows.
    const double above_dome = dome(side, a) - v;
    const double from_wall = from_chest_wall(row, side, a);
    const double border = (a - row.mediastinum[i]) / std::sqrt(1.0 + square(row.mediastinum_slope[i]));
    const double field = soft(smooth_min(from_wall, above_dome, 0.04), edge(0.012));
    const double depth = 1.0 - 0.6 * std::exp(-std::max(from_wall, 0.0) / 0.12) -
                         0.3 * std::exp(-std::max(above_dome, 0.0) / 0.15);
    // Behind the heart there is some lung left, but none in front of the spine.
    const double beside_heart = 0.15 * soft(a - 0.08, 0.06) + 0.85 * soft(border, edge(0.014));
    const double air = field * depth * beside_heart;
    attenuation -= air * (a_.lung_air * (1.0 + 0.08 * fine_.at(u, v)) - vessels);

    const double heart = std::max(-border, 0.0) / std::max(row.mediastinum[i], 0.05);
    attenuation += a_.heart_strength * soft(-border, edge(0.014)) * std::sqrt(std::min(heart * 1.6, 1.0));

    // Abdomen: denser than the chest; its sharp upper edge is the end of the air above.
    const double level = 0.5 * (a_.side[0].dome_v + a_.side[1].dome_v);
    const double abdomen = soft(v - level, 0.25);
    attenuation += a_.abdomen_strength * abdomen;
    if (a_.has_bubble && s == 1) {
      const double below = soft(-above_dome, edge(0.02));
      const double r = std::sqrt(square((a - a_.bubble_u) / a_.bubble_width) +
                                 square((v - a_.bubble_v) / a_.bubble_height));
      attenuation -=
          a_.bubble_air * below * soft((1.0 - r) * a_.bubble_height, 0.03) * (1.0 + 0.5 * medium_.at(u, v));
    }

    const double neck = soft(v + 0.95, 0.5);  // bones of the chest fade out above it
    attenuation += spine(from_midline, v) * (0.7 + 0.3 * neck);
    // The windpipe: air in front of the spine, down to its fork.
    attenuation -= 0.16 * soft(0.045 - std::abs(from_midline), edge(0.02)) * soft(-0.3 - v, 0.06);
    attenuation +=
        (ribs(side, a, v) + clavicle(side, a, v) + shoulder(side, a, v)) * body * (1.0 - 0.35 * abdomen);
    if (a_.has_chin) {
      const double r = std::hypot(from_midline / a_.chin_width, (v - a_.chin_v) / 0.3);
      attenuation += 0.3 * soft((1.0 - r) * 0.3, edge(0.04));
    }
    return window(std::max(attenuation, 0.0) + mark(u, v));
  }

  // A letter L of lead, as radiographers put it beside the patient.
  double mark(double u, double v) const {
    if (!a_.has_mark) return 0.0;
    const double du = u - a_.mark_u, dv = v - a_.mark_v;
    const auto bar = [&](double cu, double cv, double hu, double hv) {
      return soft(hu - std::abs(du - cu), edge(0.004)) * soft(hv - std::abs(dv - cv), edge(0.004));
    };
    return 3.0 * std::max(bar(-0.018, 0.0, 0.007, 0.04), bar(0.0, 0.033, 0.02, 0.007));
  }

  double window(double attenuation) const {
    const double shade = 1.0 - std::exp(-a_.gain * attenuation);
    return std::pow(std::clamp((shade - a_.black) / (a_.white - a_.black), 0.0, 1.0), a_.gamma);
  }

  // Attenuation of the lungs' vessels [size, size], each piece drawn inside its bounding box.
  std::vector<float> draw_vessels() const {
    std::vector<float> sum(static_cast<size_t>(size_ * size_));
    const auto index_of = [&](double c) {
      return std::clamp<int64_t>(static_cast<int64_t>(std::floor((c + 1.0) / pixel_)), 0, size_ - 1);
    };
    for (const Vessel& vessel : a_.vessels) {
      const double margin = vessel.radius0 + 2.0 * pixel_;
      const double du = vessel.u1 - vessel.u0, dv = vessel.v1 - vessel.v0;
      const double length2 = du * du + dv * dv;
      const int64_t y_end = index_of(std::max(vessel.v0, vessel.v1) + margin);
      const int64_t x_end = index_of(std::max(vessel.u0, vessel.u1) + margin);
      for (int64_t y = index_of(std::min(vessel.v0, vessel.v1) - margin); y <= y_end; ++y) {
        for (int64_t x = index_of(std::min(vessel.u0, vessel.u1) - margin); x <= x_end; ++x) {
          const double pu = coordinate(x) - vessel.u0, pv = coordinate(y) - vessel.v0;
          const double t = std::clamp((pu * du + pv * dv) / length2, 0.0, 1.0);
          const double radius = vessel.radius0 + (vessel.radius1 - vessel.radius0) * t;
          const double d = std::hypot(pu - t * du, pv - t * dv);
          // A vessel thinner than a pixel keeps its width on the picture and loses contrast instead.
          const double width = std::max(radius, pixel_);
          float& at = sum[static_cast<size_t>(y * size_ + x)];
          const double shade =
              vessel.strength * std::sqrt(radius / 0.012) * (radius / width) * soft(width - d, width);
          at = std::max(at, static_cast<float>(shade));  // pieces overlap at their joints
        }
      }
    }
    return sum;
  }

  const Anatomy& a_;
  int64_t size_;
  double pixel_;
  NoiseField coarse_, medium_, fine_;
};

}  // namespace
}  // namespace phantom

Tensor make_phantom(uint64_t seed, uint32_t index, int64_t size) {
  if (size < 8 || size > 16384) throw ShapeError("[phantom] size must lie in 8 .. 16384, got {}", size);
  const phantom::Anatomy anatomy = phantom::draw_anatomy(seed, index);
  const Tensor x = Tensor::empty({1, 1, 1, size, size});
  phantom::Renderer(anatomy, size).render(x.data<float>());
  return x;
}

}  // namespace primal
