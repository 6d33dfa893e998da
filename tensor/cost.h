// What an op costs at the least, whichever way it is computed.
//
//   flops  of the direct algorithm: a multiply-add is 2; a comparison, division, square root, exp or log
//          is 1. Adding into a gradient buffer counts nothing. Methods that need fewer (Winograd) are
//          measured by the same number, so that GFLOP/s compare.
//   bytes  compulsory traffic in float32: each input and saved tensor read once, each result written once.
#pragma once

#include <map>
#include <string>

#include "tensor/shape.h"

namespace primal {

struct Cost {
  double flops = 0.0;
  double bytes = 0.0;

  Cost& operator+=(const Cost& other) {
    flops += other.flops;
    bytes += other.bytes;
    return *this;
  }
};

// By phase: "forward" and, of a differentiable op, "backward". conv3d has "backward_data" and
// "backward_weights" instead.
using PhaseCosts = std::map<std::string, Cost>;

// The elements of a tensor and its bytes in float32, as numbers to count with.
inline double elements_of(const Shape& shape) { return static_cast<double>(shape.numel()); }
inline double f32_bytes(double elements) { return 4.0 * elements; }

// An op that reads x and writes y, and backward reads grad_y with `n_saved` elements more and writes grad_x.
inline PhaseCosts map_cost(double n_x, double n_y, double forward_flops, double backward_flops,
                           double n_saved = 0.0) {
  return {{"forward", {forward_flops, f32_bytes(n_x + n_y)}},
          {"backward", {backward_flops, f32_bytes(n_y + n_x + n_saved)}}};
}

}  // namespace primal
