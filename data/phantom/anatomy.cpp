#include "data/phantom/anatomy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace primal::phantom {
namespace {

// Half width of the lung field at height v: a superellipse above the widest level.
double chest_width(const Anatomy& a, double lung_width, double v) {
  const double t = std::clamp((a.widest_v - v) / (a.widest_v - a.apex_v), 0.0, 1.0);
  return lung_width * std::pow(1.0 - std::pow(t, a.lung_power), 1.0 / a.lung_power);
}

void draw_ribs(Draw& draw, const Anatomy& a, Side& side) {
  const int n_ribs = 10;
  const double spacing = draw.between(0.128, 0.15);
  const double rise = draw.between(0.13, 0.22), drop = draw.between(0.28, 0.42);
  const double thickness = draw.between(0.017, 0.023), strength = draw.between(0.13, 0.24);
  double v = a.apex_v + draw.between(0.16, 0.2);
  for (int i = 0; i < n_ribs; ++i) {
    // The first rings are short and steep, the lower ones long and slanting.
    const double lower = static_cast<double>(i) / (n_ribs - 1);
    Rib rib{};
    rib.v = v;
    rib.half_width = chest_width(a, side.lung_width, v) + 0.015;
    rib.rise_behind = rise * (0.65 + 0.5 * lower) * draw.about(1.0, 0.05);
    rib.drop_in_front = drop * (0.6 + 0.6 * lower) * draw.about(1.0, 0.05);
    rib.thickness = thickness * draw.about(1.0, 0.1);
    rib.strength = strength * draw.about(1.0, 0.15);
    side.ribs.push_back(rib);
    v += spacing * draw.about(1.0, 0.06);
  }
}

// A branch and, while it is thick enough, its two continuations.
void grow(Draw& draw, std::vector<Vessel>& vessels, double u, double v, double angle, double radius,
          double strength) {
  const double length = draw.between(6.0, 11.0) * std::sqrt(radius * 0.012);
  const double end_u = u + length * std::cos(angle), end_v = v + length * std::sin(angle);
  const double end_radius = radius * 0.82;
  vessels.push_back({u, v, end_u, end_v, radius, end_radius, strength});
  if (end_radius < 0.0034) return;
  const double turn = draw.between(0.15, 0.75);
  const double share = draw.between(0.55, 0.85);
  const double side = draw.chance(0.5) ? 1.0 : -1.0;
  grow(draw, vessels, end_u, end_v, angle + side * turn * 0.5, end_radius * std::sqrt(share) * 1.04,
       strength);
  grow(draw, vessels, end_u, end_v, angle - side * turn * 1.3, end_radius * std::sqrt(1.0 - share) * 1.04,
       strength * 0.95);
}

void draw_vessels(Draw& draw, Anatomy& a) {
  const double strength = draw.between(0.08, 0.19);
  for (int s = 0; s < 2; ++s) {
    const double outward = s == 0 ? std::numbers::pi : 0.0;
    const double hilum_v = draw.between(-0.12, 0.0) - (s == 1 ? 0.05 : 0.0);
    const int n_stems = 8;
    for (int i = 0; i < n_stems; ++i) {
      // A fan from steeply up to steeply down; downward stems are the thicker ones.
      const double fan = -1.25 + 2.6 * (i + draw.about(0.5, 0.6)) / n_stems;
      const double angle = s == 0 ? outward - fan : outward + fan;
      const double radius = draw.between(0.009, 0.015) * (fan > 0.0 ? 1.15 : 0.9);
      const double v = hilum_v + 0.05 * fan + draw.about(0.0, 0.05);
      const double u = a.midline(v) + (s == 0 ? -1.0 : 1.0) * draw.between(0.13, 0.19);
      grow(draw, a.vessels, u, v, angle, radius, strength);
    }
  }
}

void draw_side(Draw& draw, Anatomy& a, int s) {
  Side& side = a.side[static_cast<size_t>(s)];
  const bool heart_side = s == 1;
  side.dome_v = (heart_side ? draw.between(0.47, 0.6) : draw.between(0.4, 0.54));
  side.dome_u = draw.between(0.3, 0.42);
  side.dome_drop = draw.between(0.16, 0.3);
  if (heart_side) {
    const double size = draw.between(0.2, 0.36);
    side.mediastinum = {
        Bulge{draw.about(-0.36, 0.05), draw.between(0.02, 0.06), 0.08, 0.09},  // aorta
        Bulge{draw.about(-0.1, 0.05), draw.between(0.03, 0.08), 0.12, 0.25},   // pulmonary trunk
        Bulge{draw.about(0.36, 0.06), size, draw.between(0.3, 0.4), 0.3}};     // left ventricle
  } else {
    side.mediastinum = {
        Bulge{draw.about(-0.38, 0.08), draw.between(0.0, 0.05), 0.2, 0.25},  // upper vena cava
        Bulge{draw.about(-0.05, 0.05), draw.between(0.01, 0.05), 0.1, 0.15},
        Bulge{draw.about(0.28, 0.06), draw.between(0.06, 0.15), 0.22, 0.28}};  // right atrium
  }
  draw_ribs(draw, a, side);
  side.clavicle_v = a.apex_v + draw.between(0.12, 0.24);
  side.clavicle_rise = draw.between(-0.06, 0.22);
  side.clavicle_bow = draw.between(0.015, 0.05);
  side.clavicle_length = draw.between(0.62, 0.8);
  side.shoulder_u = draw.between(0.9, 1.1);
  side.shoulder_v = side.clavicle_v - side.clavicle_rise + draw.between(0.02, 0.14);
  side.shoulder_radius = draw.between(0.11, 0.16);
}

}  // namespace

double Bulge::at(double v) const {
  const double t = (v - centre) / (v < centre ? above : below);
  return height * std::exp(-t * t);
}

double Anatomy::mediastinum(int s, double v) const {
  // Towards the neck the soft tissue in the middle widens and parts the tips of the lungs.
  const double up = std::clamp((-0.4 - v) / 0.4, 0.0, 1.0);
  double width = mediastinum_width + neck_tissue * up * up;
  for (const Bulge& bulge : side[static_cast<size_t>(s)].mediastinum) width += bulge.at(v);
  return width;
}

Anatomy draw_anatomy(uint64_t seed, uint32_t index) {
  Draw draw(RandomStream(seed, RandomPurpose::phantom, 0, index));
  Anatomy a{};
  a.midline_shift = draw.about(0.0, 0.07);
  a.midline_tilt = draw.about(0.0, 0.06);
  a.midline_bend = draw.about(0.0, 0.03);
  a.apex_v = draw.between(-0.86, -0.68);
  a.widest_v = draw.between(0.2, 0.36);
  a.lung_power = draw.between(2.0, 2.6);
  const double lung_width = draw.between(0.7, 0.86);
  for (Side& side : a.side) side.lung_width = lung_width * draw.about(1.0, 0.04);
  a.body_width = lung_width + draw.between(0.1, 0.26);
  a.armpit_v = draw.between(-0.35, 0.3);
  a.neck_width = draw.between(0.3, 0.42);
  a.neck_v = a.apex_v + draw.between(-0.45, -0.12);
  a.shoulder_slope = draw.between(2.0, 5.0);
  a.mediastinum_width = draw.between(0.1, 0.14);
  a.neck_tissue = draw.between(0.06, 0.16);
  a.spine_width = draw.between(0.085, 0.115);
  a.vertebra_height = draw.between(0.105, 0.135);
  a.vertebra_phase = draw.between(0.0, 1.0);
  a.spine_strength = draw.between(0.14, 0.28);
  a.heart_strength = draw.between(0.16, 0.32);
  a.abdomen_strength = draw.between(0.12, 0.35);
  a.lung_air = draw.between(0.62, 0.8);
  a.soft_tissue = draw.between(0.95, 1.15);
  for (int s = 0; s < 2; ++s) draw_side(draw, a, s);
  draw_vessels(draw, a);
  a.has_bubble = draw.chance(0.45);
  a.bubble_u = draw.between(0.4, 0.55);
  a.bubble_v = a.side[1].dome_v + draw.between(0.12, 0.2);
  a.bubble_width = draw.between(0.08, 0.18);
  a.bubble_height = draw.between(0.05, 0.1);
  a.bubble_air = draw.between(0.1, 0.3);
  a.has_chin = draw.chance(0.35);
  a.chin_v = draw.between(-1.12, -0.98);
  a.chin_width = draw.between(0.24, 0.36);
  a.has_mark = draw.chance(0.4);
  a.mark_u = draw.between(0.86, 0.95);  // the patient's left is on the right of the picture
  a.mark_v = draw.between(-0.92, -0.3);
  a.gain = draw.between(0.9, 1.25);
  a.black = draw.between(0.02, 0.16);
  a.white = draw.between(0.86, 0.98);
  a.gamma = draw.between(0.8, 1.25);
  a.texture_seed = static_cast<uint32_t>(draw.between(0.0, 1e9));
  return a;
}

}  // namespace primal::phantom
