// What turns a noisy picture z into x: a trained model, or one lambda for all pixels. A model is unrolled TV,
// or an autoencoder, which has neither a map nor iterations.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "apps/pictures/tiling.h"
#include "apps/scores/scores.h"
#include "apps/training/config.h"
#include "model/autoencoder.h"
#include "model/denoise.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "solvers/lambda_choice/lambda_choice.h"
#include "tensor/threads/thread_share.h"

namespace primal {

struct DenoiserOptions {
  std::filesystem::path model;   // a checkpoint
  std::optional<double> lambda;  // or one weight, >= 0
  int64_t iterations = 0;        // of PDHG, the most where a gap is given; 0: the default of each case
  double gap = 0.0;              // > 0: iterate until (P - D) <= gap * P instead
  std::optional<Boundary> boundary = {};  // default: the model's; symmetric where there is none
  std::optional<bool> refine = {};        // the map (model/denoise.h); default: the model's; off without one
  Tiling tiling = {};                     // of the network's work
  bool quiet = false;                     // no remark on which file of a folder is the model
  Device device = {};                     // where to compute
};

// A thread's turn on a device: the pictures of several threads are computed there one after the other, while
// other threads read and write theirs. On the CPU, whose threads the pictures share, nobody waits.
class DeviceTurn {
 public:
  DeviceTurn() = default;
  explicit DeviceTurn(std::mutex& device) : lock_(device), all_(std::in_place, 0) {}

 private:
  std::unique_lock<std::mutex> lock_;
  std::optional<ThreadShare> all_;  // the emulated device works with the threads of the process
};

class Denoiser {
 public:
  // Loads the model. IoError or DataError where that fails, with what to try.
  explicit Denoiser(const DenoiserOptions& options);

  // z [1,1,1,H,W]; it and the result are on the CPU. `watch` is called for what may take longer than a
  // moment. `lambda` in place of the weight of the options, where there is no model. `variance` is that of
  // the noise at each pixel, for which the map is refined (model/denoise.h); undefined: it is kept as it is.
  Denoised operator()(const Tensor& z, const Watch& watch = {}, std::optional<double> lambda = {},
                      const Tensor& variance = {}) const;

  // z [N,1,1,H,W] as one batch with one map, that of `guide` times a factor (model/denoise.h), refined for
  // the variance of the noise of guide. A model of unrolled TV only.
  Denoised with_map_of(const Tensor& guide, const Tensor& z, double factor, const Watch& watch = {},
                       const Tensor& variance = {}) const;

  // Whether maps are refined by an estimate of the error.
  bool refines() const;

  // What chooses lambda for this solver: its boundary and iterations (256 where a gap is asked
  // for), the seed of the probes.
  LambdaChoiceParams choice_params(uint64_t seed) const;
  // The best scores of 81 scalar lambdas with this solver (apps/scores/lambda_search).
  Scores best_scalar(const Tensor& z, const Tensor& clean) const;
  Device device() const { return options_.device; }
  // To be held by whoever computes on device() without this class, which takes its turns itself.
  DeviceTurn turn() const { return options_.device.is_cpu() ? DeviceTurn() : DeviceTurn(device_); }

  // How the network works on a picture of this shape; one whole picture where there is no network. Made once
  // for each shape, for all threads of the process, whatever the calling thread's share of them is
  // (tensor/threads/thread_share.h).
  MapPlan plan(const Shape& z) const;

  Boundary boundary() const { return boundary_; }
  // PDHG's number of iterations where nobody says otherwise and there is no gap to reach.
  int64_t default_iterations() const;

  // CRC-32 of the model's tensors, as its checkpoint has it: "1c291ca3"; empty where there is no model.
  const std::string& checksum() const { return checksum_; }

  // The name of the model's file, without its folder; empty where there is no model.
  std::string model_file_name() const { return file_.filename().string(); }

  bool is_autoencoder() const { return autoencoder_ != nullptr; }
  bool has_map() const { return model_ != nullptr; }

  // What the model was trained with; the defaults where there is none.
  const TrainConfig& config() const { return config_; }

 private:
  DenoisingOptions options_for(const Shape& z, const Watch& watch, const Tensor& variance) const;

  DenoiserOptions options_;
  Boundary boundary_ = Boundary::symmetric;
  TrainConfig config_;
  std::filesystem::path file_;
  std::string checksum_;
  std::unique_ptr<UnrolledTv> model_;
  std::unique_ptr<Autoencoder> autoencoder_;
  mutable std::mutex device_;                              // turn()
  mutable std::mutex mutex_;                               // of plans_
  mutable std::map<std::vector<int64_t>, MapPlan> plans_;  // by shape
};

}  // namespace primal
