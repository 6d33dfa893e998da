// Dropout: y[n,j] = x[n,j] / (1 - p) where element (n,j) is kept, else 0; each is dropped with probability p.
//
// Shapes:   x [N,..] -> y the same; j runs over all axes behind the first. A scalar counts as one row.
// Mask:     element (n,j) is dropped where u < p; u is element layer 2^40 + j of the Philox stream
//           (seed, dropout, epoch, sample + n), uniform in [0, 1). It depends on nothing else: not on
//           threads, device or type, nor on how an epoch is cut into batches if `sample` counts the rows
//           before this batch. So a resumed training draws what the uninterrupted one would have drawn.
//           With `samples` row n has the number samples[n] in the place of sample + n: then the mask belongs
//           to the picture, whatever its place in a batch.
// Saved:    nothing: the backward pass draws the mask again.
// Adjoint:  grad_x[n,j] += grad_y[n,j] / (1 - p) where kept.
// Without training, and for p = 0, y is x itself.
// Errors:   ShapeError for a type other than f32 and f64, for p outside [0, 1), for rows of more than
//           2^40 elements, for another number of samples than rows, and for a place that is not i64 [1 + N];
//           DeviceError where the place is not where x is.
// Source:   N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
//           JMLR 15, 2014; scaled in training instead of afterwards ("inverted dropout").
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

// Which mask: every layer of a model has a number of its own.
struct DropoutKey {
  uint64_t seed = 42;
  uint32_t epoch = 0;
  uint32_t sample = 0;  // of the first row
  uint32_t layer = 0;
  std::vector<uint32_t> samples = {};  // of each row; empty: they count up from `sample`
  // i64 [1 + N], where x lives: the epoch and the sample of each row as they are when the kernel
  // runs, instead of those above.
  Tensor place = {};
};

// The mask of `key` is used only while training.
Variable dropout(const Variable& x, double p, const DropoutKey& key, bool training = true);

// One multiplication a value, each way; the random numbers are integers and not counted.
PhaseCosts dropout_cost(const Shape& x);

OpInfo dropout_info();

}  // namespace primal
