// What `primal evaluate` says of models other than those of single pictures with a map: a classifier, an
// autoencoder, a model for sequences.
//
//   classifier    the confusion matrix, accuracy, and precision, recall and F1 of each class, weighted and
//                 macro (data/classification)
//   autoencoder   means of PSNR, SSIM, MSE and, where weights are given, LPIPS (nn/lpips) of the noisy and
//                 the denoised pictures; the scores of all pixels together too (data/metrics/fit_scores.h)
//   sequences     the model's maps in space and time against the best pair of scalar weights
//                 (apps/evaluation/sequence_evaluation.h)
// The pictures are those of a folder (its test split, where it has one) or of a manifest; a folder with
// MNIST's files means the 10,000 of its test file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/autoencoder_figures.h"
#include "apps/scores/scores.h"
#include "apps/training/classified_figures.h"
#include "data/classification/classification.h"
#include "data/figure/figure.h"
#include "model/denoise.h"
#include "tensor/device.h"

namespace primal {

// A picture to look at, of an autoencoder.
struct TaskSample {
  std::string why, name;          // why: "The smallest gain"
  Tensor clean, noisy, denoised;  // each [1,1,1,H,W]
  Scores before, after;
};

// Frames as they follow each other, as an animated PNG.
struct NamedFilm {
  std::string name;
  std::vector<uint8_t> apng;
};

struct TaskEvaluation {
  // of a classifier "confusion" and "examples", of an autoencoder autoencoder_figures.h
  std::vector<NamedFigure> figures;
  std::vector<NamedFilm> films;  // of sequences
  std::vector<TaskSample> samples;
  std::string text;                       // tables for a person
  nlohmann::json json;                    // "task", "pictures", "scores", ...
  std::vector<std::string> remarks = {};  // what the means leave out
  int stopped_by = 0;    // a signal that stopped it, or 0; then only what was scored so far is here
  int64_t n_broken = 0;  // pictures or sequences that were left out, each reported as it was found
  std::string csv;       // of a classifier the confusion matrix, of an autoencoder a row for each picture
};

struct TaskEvaluationSettings {
  std::filesystem::path data;  // a folder or a manifest
  double noise = 0.5;          // where the data have no noisy pictures
  std::string noise_kind;      // empty: as in training
  std::string range;           // range of grey levels; empty: as in training. Not for classifiers
  uint64_t seed = 42;
  int64_t limit = 0;              // only so many pictures, or clips of sequences
  int64_t size = 0;               // of a model for sequences: side of the frames; 0: as trained
  int64_t pair_iterations = 256;  // and of PDHG for each pair of weights
  std::function<void(const std::string& line)> progress = {};  // and told of each clip
  Watch watch = {};                                            // and of each picture that is scored
  Device device = {};
  bool figures = false;  // whether they are wanted
  AutoencoderFigureSettings figure_settings = {};
  std::filesystem::path lpips;  // weights (model/perceptual.h), for autoencoders only; empty: no LPIPS
};

// Evaluates a model of task classify, reconstruct or sequence. A picture that cannot be read is reported
// and left out. Ctrl-C ends it after the current pictures. Throws Stopped if none is scored yet,
// DataError if none can be read.
TaskEvaluation evaluate_task(const std::filesystem::path& model, const TaskEvaluationSettings& settings);

// Rows are the truth, columns the predictions.
std::string confusion_csv(const ConfusionMatrix& confusion, const std::vector<std::string>& labels);
std::string confusion_text(const ConfusionMatrix& confusion, const std::vector<std::string>& labels);
nlohmann::json confusion_json(const ConfusionMatrix& confusion, const std::vector<std::string>& labels);

}  // namespace primal
