// Denoises a sequence of noisy frames z to x with a trained nn/dynamic_tv, or with one pair of weights for
// all pixels of all frames.
//
//   const SequenceModel model = load_sequence_model("runs/dynamic/best.safetensors");
//   const Denoised result = denoise_sequence(model, z);               // model/denoise.h; lambda [1,3,H,W,T]
//   const Denoised plain = denoise_sequence({.xy = 0.05, .t = 0.1}, z);
//
//   min over x of 1/2 ||x - z||^2 + ||Lambda o grad x||_1,  Lambda = (xy, xy, t) for the axes (y, x, time)
//
// Shapes:  z [1,1,H,W,T]: T frames of H x W pixels, time last, as the published network has it
//          (data/sequence/frames.h).
// Devices: computes on the device of the model (for a pair: on that of z); results are on the CPU.
// Errors:  those of load_model (model_file.h), and a DataError that names both tasks for a model of another
//          task; DataError if the frames are too few or too small for the model; ConfigError for a negative
//          weight or number of iterations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "model/denoise.h"
#include "model/model_settings.h"
#include "nn/dynamic_tv/dynamic_tv.h"

namespace primal {

class SequenceModel {
 public:
  SequenceModel(const SequenceSettings& settings, Initialiser& init);

  const SequenceSettings& settings() const { return settings_; }
  const DynamicTv& module() const { return *model_; }
  // DataError that names `what` if z [N,1,H,W,T] is too small for the network and its padding.
  void check(const Shape& z, const std::string& what) const;

 private:
  SequenceSettings settings_;
  std::unique_ptr<DynamicTv> model_;
};

DynamicTvOptions sequence_options(const SequenceSettings& settings);

// Whether a file contains such a model, judged by its metadata or the names of its tensors.
bool has_sequence_model(const std::filesystem::path& path);

// The model of a checkpoint, or of bare weights as A. Kofler et al. published them: filters and stages are
// then read off the tensors, and all other settings come from `otherwise`.
SequenceModel load_sequence_model(const std::filesystem::path& path, const SequenceSettings& otherwise = {},
                                  Device device = {});

struct LambdaPair {
  double xy = 0.0, t = 0.0;
};

struct SequenceDenoisingOptions {
  int64_t iterations = 0;  // of PDHG. 0: as trained, 256 with a pair, at most 10000 if a gap is given
  double gap = 0.0;        // > 0: iterate until (P - D) <= gap * P instead
  std::optional<Boundary> boundary = {};  // as the model was trained, symmetric with a pair
  Watch watch = {};                       // called with "iteration" during long computations
};

Denoised denoise_sequence(const SequenceModel& model, const Tensor& z,
                          const SequenceDenoisingOptions& options = {});
Denoised denoise_sequence(const LambdaPair& lambda, const Tensor& z,
                          const SequenceDenoisingOptions& options = {});

// Parameters of PDHG for sequences without a model: the axes of z, and the steps 1/L with L = sqrt(13).
PdhgParams sequence_pdhg();

// The weights [1,3,1,1,1] of a pair, with the type and device of z.
Tensor weights_of(const LambdaPair& lambda, const Tensor& z);

// The memory in bytes, beyond z itself and the weights of the network, that denoise_sequence() needs for
// frames of this shape with these options, found by a rehearsal (tensor/rehearsal.h): the network and the
// solver, whichever needs more.
int64_t denoising_bytes(const SequenceModel& model, const Shape& z,
                        const SequenceDenoisingOptions& options = {});
int64_t denoising_bytes(const LambdaPair& lambda, const Shape& z, Device device,
                        const SequenceDenoisingOptions& options = {});

}  // namespace primal
