// unrolled_tv: a network whose last layer is an optimisation algorithm. The whole thesis model:
//
//   Lambda = lambda_map(unet(z))                                   how strongly to smooth, at each
//                                                                  pixel and along each axis
//   x_T    = T iterations of PDHG on min_x 1/2 ||x - z||^2 + ||Lambda o grad x||_1
//   sigma = sigmoid(s)/L, tau = sigmoid(t)/L, theta = sigmoid(u)   learnt from s = t = u = 10;
//                                                                  or 1/L, 1/L, 1 fixed
//
// Training minimises ||x_T - clean||^2 over the U-Net's parameters; the error passes back through
// the iterations by the exact adjoint (solvers/pdhg). L = sqrt(1 + 4 d) bounds the norm of
// [I; grad] for d differenced axes.
//
// Sizes: where pool^blocks does not divide an extent, the picture is padded by reflection for the network
// only (evenly on both sides, the odd pixel at the end) and the map is cropped back; an extent that is not
// longer than its padding is padded by its edge. PDHG always runs on the picture itself. A large picture's
// map can be made in tiles (map_plan.h).
// Shapes: z [N,1,D,H,W] -> Lambda [N,n_maps,D,H,W], x_T [N,1,D,H,W]; n_maps = 1 where the axes share one.
// Boundary: grad is the periodic difference; with the symmetric boundary (solvers/boundary) the components
// that wrap around have the weight zero. The Lambda of Result is the network's, before that.
// Names:  cnn.* (nn/unet), and pdhg.sigma, pdhg.tau, pdhg.theta where learnt.
// Source: A. Kofler et al., SIAM J. Imaging Sci. 16 (2023); A. Chambolle, T. Pock,
//         J. Math. Imaging Vis. 40 (2011).
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "nn/lambda_map/lambda_map.h"
#include "nn/unet/unet.h"
#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {

struct UnrolledTvOptions {
  UNetOptions unet;
  double up_bound = 0.0;  // > 0: Lambda = up_bound sigmoid(.)
  double scale = 0.1;     // else Lambda = scale softplus(.)
  int64_t n_iter = 256;   // T
  PdhgStart start = PdhgStart::noisy;
  bool learn_steps = true;
  double norm_bound = 0.0;  // L; 0: sqrt(1 + 4 d)
  Axes axes = {3, 4};
  Boundary boundary = Boundary::periodic;  // symmetric: free edges, Lambda has no effect on what wraps around
  std::vector<int64_t> map_channel = {0};  // head channel of each map; one map serves all axes
  // Whether code that denoises with the model refines its map by default (model/denoise.h,
  // solvers/map_refinement); forward() and training do not.
  bool refine = false;
};

class UnrolledTv : public Module {
 public:
  UnrolledTv(const UnrolledTvOptions& options, Initialiser& init);

  struct Result {
    Variable lambda;
    Variable denoised;
  };
  // With a tile the map is map_in_tiles(z), a constant.
  Result forward(const Variable& z, int64_t tile = 0) const;

  // The two halves of forward().
  Variable map_of(const Variable& z) const;
  Variable solve(const Variable& z, const Variable& lambda) const;

  // Lambda as PDHG takes it, at this model's boundary.
  Variable weights(const Variable& lambda, const Shape& z) const {
    return weights_at(options_.boundary, lambda, z, options_.axes);
  }

  // map_of(z) in tiles of at most `tile` cells along each axis (rounded to pool^blocks), from as much of z as
  // the U-Net sees of each (UNet::forward with a window says how exact that is). Takes the memory of one tile
  // and keeps none of it; there is no gradient. ConfigError for a tile below 1.
  // `watch` is told how many tiles of all are done.
  Tensor map_in_tiles(const Tensor& z, int64_t tile,
                      const std::function<void(int64_t done, int64_t total)>& watch = {}) const;

  // The map of one part [begin, end) of the cells of a picture whose extents are multiples of pool^blocks.
  Variable map_of_part(const Variable& padded, const CellBox& part) const;

  const UnrolledTvOptions& options() const { return options_; }
  // Pictures are padded to multiples of it.
  std::array<int64_t, 3> multiple() const { return cnn_.multiple(); }
  double norm_bound() const;  // L
  struct Steps {
    double sigma, tau, theta;
  };
  Steps steps() const;  // as they stand

 private:
  LambdaMapParams map_params() const { return {options_.map_channel, options_.up_bound, options_.scale}; }

  UnrolledTvOptions options_;
  UNet cnn_;
  Variable sigma_, tau_, theta_;  // s, t, u where learnt, else undefined
};

OpInfo thesis_model_info();
OpInfo thesis_training_info();

}  // namespace primal
