// The options of activation.h, apart, so that nvcc reads no more than it needs.
#pragma once

namespace primal {

enum class ActivationKind { relu, leaky_relu, sigmoid, softplus };

struct ActivationParams {
  ActivationKind kind = ActivationKind::relu;
  double slope = 0.01;      // leaky_relu
  double beta = 1.0;        // softplus
  double threshold = 20.0;  // softplus: above it log(1 + exp(.)) is its argument to double precision
};

}  // namespace primal
