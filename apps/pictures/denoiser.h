// What turns a noisy picture z into x: a trained model, or one lambda for all pixels.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "apps/pictures/tiling.h"
#include "apps/training/config.h"
#include "nn/unrolled_tv/unrolled_tv.h"

namespace primal {

struct DenoiserOptions {
  std::filesystem::path model;   // a checkpoint
  std::optional<double> lambda;  // or one weight, >= 0
  int64_t iterations = 0;        // of PDHG, the most where a gap is given; 0: the default of each case
  double gap = 0.0;              // > 0: iterate until (P - D) <= gap * P instead
  Tiling tiling = {};            // of the network's work
  Device device = {};            // where to compute
};

struct Denoised {
  Tensor lambda;  // [1,n_maps,1,H,W], or a scalar
  Tensor x;       // [1,1,1,H,W]
  int64_t iterations = 0;
  std::optional<double> relative_gap;  // reached, where one was asked for

  bool has_map() const { return lambda.shape().rank() == 5; }
};

class Denoiser {
 public:
  // Loads the model. IoError or DataError where that fails, with what to try.
  explicit Denoiser(const DenoiserOptions& options);

  Denoised operator()(const Tensor& z) const;  // z [1,1,1,H,W]; it and the result are on the CPU

  // How the network works on a picture of this shape; one whole picture where there is no network.
  MapPlan plan(const Shape& z) const;

  // What the model was trained with; the defaults where there is none.
  const TrainConfig& config() const { return config_; }

 private:
  Denoised denoise(const Tensor& z) const;

  DenoiserOptions options_;
  TrainConfig config_;
  std::unique_ptr<UnrolledTv> model_;
};

}  // namespace primal
