// The measures of one phantom, in the units of the picture's half width. Sides: 0 is left in the picture.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tensor/random.h"

namespace primal::phantom {

// Numbers drawn one after the other from a stream.
class Draw {
 public:
  explicit Draw(const RandomStream& stream) : stream_(stream) {}
  double between(double low, double high) { return low + (high - low) * stream_.uniform(next_++); }
  double about(double middle, double spread) { return between(middle - spread, middle + spread); }
  bool chance(double probability) { return stream_.uniform(next_++) < probability; }

 private:
  RandomStream stream_;
  uint64_t next_ = 0;
};

// A soft bulge: height at v = centre, falling like a Gaussian, with its own width above and below.
struct Bulge {
  double centre, height, above, below;
  double at(double v) const;
};

struct Rib {
  double v;            // where the ring passes the side of the chest
  double half_width;   // of the ring
  double rise_behind;  // how far its back lies above that, and its front below
  double drop_in_front;
  double thickness, strength;
};

struct Side {
  double lung_width;                 // midline to chest wall, where it is widest
  double dome_v, dome_u;             // top of the diaphragm
  double dome_drop;                  // from there to the angle with the chest wall
  std::array<Bulge, 3> mediastinum;  // borders of vessels and heart, over a basic half width
  std::vector<Rib> ribs;
  double clavicle_v, clavicle_rise, clavicle_bow, clavicle_length;
  double shoulder_u, shoulder_v, shoulder_radius;
};

// A vessel of the lung: a tapering straight piece.
struct Vessel {
  double u0, v0, u1, v1;
  double radius0, radius1;
  double strength;
};

struct Anatomy {
  double midline_shift, midline_tilt, midline_bend;
  double body_width, armpit_v, neck_width, neck_v, shoulder_slope;
  double apex_v, widest_v, lung_power;
  double mediastinum_width, neck_tissue;
  double spine_width, vertebra_height, vertebra_phase, spine_strength;
  double heart_strength, abdomen_strength, lung_air, soft_tissue;
  std::array<Side, 2> side;
  std::vector<Vessel> vessels;
  bool has_bubble, has_chin, has_mark;
  double bubble_u, bubble_v, bubble_width, bubble_height, bubble_air;
  double chin_v, chin_width;
  double mark_u, mark_v;
  double gain, black, white, gamma;
  uint32_t texture_seed;

  double midline(double v) const { return midline_shift + midline_tilt * v + midline_bend * v * v; }
  double mediastinum(int s, double v) const;  // half width to side s
};

Anatomy draw_anatomy(uint64_t seed, uint32_t index);

}  // namespace primal::phantom
