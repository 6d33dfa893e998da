// The options of batch_norm.h, apart, so that nvcc reads no more than it needs.
#pragma once

namespace primal {

struct BatchNormParams {
  bool training = true;
  double momentum = 0.1;
  double eps = 1e-5;
};

}  // namespace primal
