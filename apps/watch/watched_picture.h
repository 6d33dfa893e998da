// What `primal watch` shows, from what its command line says: the picture as small as a page can
// hold, the noise, Lambda.
//
//   size      a picture whose longer side has more than `size` pixels is reduced (bicubic, aspect ratio
//             kept), or with `crop` cut out of the middle at its own resolution; a smaller one stays as it
//             is. PDHG works on what is shown.
//   Lambda    the model's map of z; or `lambda`; or kDefaultLambda at every pixel
//
// Errors:  those of read_grey, load_model (DataError for a model of another task) and add_noise; ConfigError
//          for a model and a lambda, and for a folder or pattern of several pictures; DataError for a
//          picture below 2 x 2 pixels.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/watch/trace.h"
#include "solvers/boundary/boundary.h"
#include "tensor/device.h"

namespace primal {

inline constexpr double kDefaultLambda = 0.07;

struct WatchSettings {
  std::string picture, model;  // model: empty for none
  std::optional<double> lambda, noise;
  std::string noise_kind, range, boundary;  // empty: as the model was trained; relative, full, symmetric
  int64_t iterations = 0;                   // 0: the model's T, or that of PdhgParams
  int64_t size = 256;
  bool crop = false, quiet = false;
  uint64_t seed = 42;
  Device device = {};
};

struct WatchedPicture {
  WatchedProblem problem;
  Tensor lambda;  // [] or [1,n_maps,1,H,W], before the boundary
  Boundary boundary = Boundary::symmetric;
  std::string name;                // "scan.png"
  std::vector<std::string> facts;  // sentences that say all this, for the page
};

WatchedPicture watched_picture(const WatchSettings& settings);

}  // namespace primal
