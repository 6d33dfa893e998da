// dynamic_tv: denoising of image sequences by unrolled TV with a map in space and time, the network whose
// trained weights A. Kofler et al. published. Weights from there load here under their own names.
//
//   Lambda = up_bound sigmoid(crop(cnn(pad(z))))    head channels (xy, t), used for the axes (x, y, t) as
//                                                   (xy, xy, t)
//   x_T    = n_iter iterations of PDHG on min_x 1/2 ||x - z||^2 + ||Lambda o grad x||_1
//   sigma = sigmoid(s)/L, tau = sigmoid(t)/L, theta = sigmoid(u)   learnt from s = t = u = 10
//
// pad: pad_xy cells on both sides of x and y by reflection, pad_t on both sides of t, by reflection in
// training and circularly afterwards. PDHG runs on the frames as they are. L = sqrt(13) bounds the norm of
// [I; grad] for three axes. The published network has the periodic boundary; with the symmetric one
// (solvers/boundary) the first frame is no neighbour of the last.
//
// Shapes: z [N,1,X,Y,T] -> Lambda [N,3,X,Y,T], x_T [N,1,X,Y,T]. ShapeError where an extent is too short for
//         its padding.
// Names:  cnn.* (dynamic_unet.h), sigma, tau, theta; kernels are (out,in,kx,ky,kt), in the order of the axes
//         of z.
// Source: koflera/LearningRegularizationParameterMaps;
//         A. Kofler et al., SIAM J. Imaging Sci. 16 (2023).
#pragma once

#include "nn/dynamic_tv/dynamic_unet.h"
#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct DynamicTvOptions {
  DynamicUNetOptions unet;
  double up_bound = 0.5;
  int64_t n_iter = 128;
  PdhgStart start = PdhgStart::noisy;
  double norm_bound = 0.0;  // L; 0: sqrt(13)
  int64_t pad_xy = 4;
  int64_t pad_t = 8;
  Boundary boundary = Boundary::periodic;
};

class DynamicTv : public Module {
 public:
  enum class Phase { training, testing };

  // ConfigError for up_bound <= 0, a padding or n_iter below 0, and a network without the two head channels.
  DynamicTv(const DynamicTvOptions& options, Initialiser& init);

  struct Result {
    Variable lambda;
    Variable denoised;
  };
  Result forward(const Variable& z, Phase phase) const;

  const DynamicTvOptions& options() const { return options_; }
  // Lambda of z. Same errors as forward().
  Variable map_of(const Variable& z, Phase phase) const;
  // Prepares training to start at TV with one pair of weights, f32 alone: Lambda is the pair everywhere,
  // since the weights of c1x1 become 0 and its bias logit(lambda / up_bound). All other kernels keep their
  // draws, made wider to He's uniform in +-sqrt(6 / fan_in), with zero biases. With PyTorch's default,
  // uniform in +-1/sqrt(fan_in), the signal from z shrinks from layer to layer, so the map stays nearly
  // constant for long. Where that constant is far from the best one, the sigmoid may saturate before the
  // network has learnt how Lambda should differ between places.
  // ConfigError unless 0 < lambda < up_bound for both.
  // Source: K. He et al., "Delving deep into rectifiers", ICCV 2015.
  void start_at(double lambda_xy, double lambda_t) const;
  // The step sizes as they are learnt so far.
  struct Steps {
    double sigma, tau, theta;
  };
  Steps steps() const;

 private:
  double step_bound() const;  // 1 / L

  DynamicTvOptions options_;
  DynamicUNet cnn_;
  Variable sigma_, tau_, theta_;  // s, t, u
};

}  // namespace primal
