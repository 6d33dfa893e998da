// A project that uses the installed package, all of its headers: total-variation denoising of a step. Two
// plateaus of 4 cells, each pulled by lambda at both ends: they move 2 lambda / 4 towards each other.
#include <cmath>
#include <cstdio>
#include <primal/primal.h>

#include "tensor/tensor.h"

#ifdef _OPENMP
#error "Primal's own flags for OpenMP have reached a project that uses it"
#endif

int main() {
  const auto z = primal::Tensor::from<double>({1, 1, 1, 1, 8}, {0, 0, 0, 0, 1, 1, 1, 1});
  const auto lambda = primal::Tensor::scalar(0.1, primal::DType::f64);
  const auto x = primal::pdhg_solve(z, lambda, {.n_iter = 1000, .axes = {4}}).to_doubles();
  std::printf("%.6f %.6f\n", x[0], x[7]);
  return std::abs(x[0] - plateau()) < 1e-6 && std::abs(x[7] - (1.0 - plateau())) < 1e-6 ? 0 : 1;
}
