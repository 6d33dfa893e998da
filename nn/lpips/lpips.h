// Lpips: how different two pictures look, by the features of a network that was trained to name what is in
// photographs.
//
//   scaling     u = ((2 x - 1) - shift) / scale, one shift and one scale for each of three
//               channels; a grey x is all three
//   AlexNet     conv 3 -> F0, 11x11, stride 4, padding 2, ReLU;       max-pool 3x3, stride 2
//               conv F0 -> F1, 5x5, padding 2, ReLU;                  max-pool 3x3, stride 2
//               conv F1 -> F2, F2 -> F3, F3 -> F4, each 3x3, padding 1, ReLU
//   of layer l  f_l after its ReLU, at each pixel divided by its norm over the channels (+ 1e-10)
//   distance    sum over l of the mean over pixels of sum over channels c of head_l[c]
//               (f_l(a)[c] - f_l(b)[c])^2
//
// F = 64, 192, 384, 256, 256. Smaller is more alike; 0 for equal pictures. It says little of noise by itself,
// and much of blur and of invented structure, which MSE and PSNR hardly see.
//
// Shapes:  a, b [N,C,1,H,W], equal, C = 1 or 3, in [0,1] and not clipped -> N distances, in double.
// Names:   features.0, .3, .6, .8, .10 (weight, bias: torchvision's numbers), lin0 .. lin4 (weight [F]).
// Errors:  ShapeError for unequal or misshapen pictures and a side below 31 pixels, of which the last pooling
//          leaves one; ConfigError for filters below 1.
// Weights: those of a module made here are random. The published ones are read from a file
//          (model/perceptual.h).
// Source:  R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric",
//          CVPR 2018, version 0.1 of its heads; A. Krizhevsky, "One weird trick for parallelizing
//          convolutional neural networks", 2014 (the layers).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nn/conv3d/conv3d.h"
#include "nn/module.h"

namespace primal {

struct LpipsOptions {
  std::array<int64_t, 5> filters{64, 192, 384, 256, 256};  // F
};

class Lpips : public Module {
 public:
  static constexpr int64_t kSmallestSide = 31;

  Lpips(const LpipsOptions& options, Initialiser& init);

  // Records nothing: a measure, not a loss.
  std::vector<double> distance(const Tensor& a, const Tensor& b) const;

 private:
  std::array<Variable, 5> features(const Tensor& x) const;

  LpipsOptions options_;
  Conv3d conv1_, conv2_, conv3_, conv4_, conv5_;
  std::array<Variable, 5> heads_;  // [F]
};

// Golden case `lpips`: pictures x and target, the state; attrs filters; output distance.
OpInfo lpips_info();

}  // namespace primal
