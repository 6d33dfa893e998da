// The options of adam.h, apart, so that nvcc reads no more than it needs.
#pragma once

namespace primal {

struct AdamParams {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;
  bool amsgrad = false;
};

}  // namespace primal
