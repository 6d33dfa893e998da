// CastingClassifier: a small convolutional network that tells classes of pictures apart, as castings
// with a defect from others.
//
//   conv C -> F0, 3x3, stride 4, padding 1;  conv F0 -> F1, 3x3, stride 4;  dropout;  flatten;
//   linear -> hidden;  dropout;  linear -> classes
//
// ReLU follows each convolution and the first linear layer where `relu` is set: the published text
// does not say. Training takes cross_entropy of the logits, probabilities are their softmax.
// Weights start as PyTorch's do.
//
// Shapes:  x [N,C,1,H,W] -> logits [N,classes]; the first linear layer fixes H and W. F = 16, 32, hidden 128,
//          one channel of 300 x 300, 2 classes: 1,483,842 parameters.
// Names:   conv_layer_1, conv_layer_2, linear_1, linear_2.
// Errors:  ConfigError for sizes below 1, a rate outside of [0,1), and pictures too small for the second
//          convolution (9 x 9 are enough); ShapeError for pictures of another shape.
#pragma once

#include <array>
#include <cstdint>

#include "nn/conv3d/conv3d.h"
#include "nn/dropout/dropout.h"
#include "nn/linear/linear.h"
#include "nn/module.h"

namespace primal {

struct CastingClassifierOptions {
  int64_t channels = 1, height = 300, width = 300;  // of the pictures
  std::array<int64_t, 2> filters{16, 32};           // F
  int64_t hidden = 128;
  int64_t classes = 2;
  bool relu = true;
  std::array<double, 2> dropout{0.3, 0.5};  // rates
};

class CastingClassifier : public Module {
 public:
  CastingClassifier(const CastingClassifierOptions& options, Initialiser& init);

  // In training mode dropout draws the masks of `key`; its layers are counted by the model.
  Variable forward(const Variable& x, Mode mode, const DropoutKey& key = {}) const;

  const CastingClassifierOptions& options() const { return options_; }

 private:
  CastingClassifierOptions options_;
  Conv3d conv1_, conv2_;
  Linear linear1_, linear2_;
};

// Golden cases `casting_classifier` and `casting_classifier_training`.
OpInfo casting_classifier_info();
OpInfo casting_classifier_training_info();

}  // namespace primal
