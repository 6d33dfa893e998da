// The layout in which weights of the thesis model are kept in files: that of the reference implementation
// (trung-vt/LearningRegularizationParameterMaps), whose state_dict these names come from. Its pictures are
// [N,C,H,W,D], so its kernels are (out, in, kh, kw, kd); here they are (out, in, kd, kh, kw). Weights trained
// there load here and ours there.
#pragma once

#include "tensor/op/op.h"

namespace primal {

// Permute every tensor of rank 5; the others are handed on.
TensorMap from_reference_layout(const TensorMap& state);
TensorMap to_reference_layout(const TensorMap& state);

}  // namespace primal
