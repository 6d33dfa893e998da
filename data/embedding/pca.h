// PCA, principal component analysis: the directions in which a set of vectors varies most.
//
//   m = (1/n) sum x_i,   C = (1/(n-1)) sum (x_i - m)(x_i - m)',   C v_j = s_j v_j,  s_1 >= s_2 >= ...
//   variance_j = s_j,    ratio_j = s_j / trace C,    projected_ij = v_j . (x_i - m)
// Where there are fewer vectors than dimensions, the same comes from the matrix of the vectors' inner
// products, which is smaller. The sign of a component is such that its entry of largest magnitude is
// positive.
// Shapes:  x [n, d], f32 or f64 -> mean [d], components [k, d] (rows, orthonormal), variance [k],
//          ratio [k], projected [n, k], f64.
// Threads: the same bits for any number.
// Errors:  ShapeError unless n >= 2 and 1 <= k <= min(n, d), and for n, d above kMaxPcaOrder both;
//          NumericError for values that are not finite. The ratios of vectors that are all equal are 0.
// Source:  K. Pearson 1901; the eigenvalues are Eigen's.
#pragma once

#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kMaxPcaOrder = 8192;  // of the matrix whose eigenvectors are computed

struct Pca {
  Tensor mean, components, variance, ratio, projected;
};

Pca pca(const Tensor& x, int64_t n_components);

// Other vectors [m, d] in the coordinates of these components: [m, k].
Tensor project(const Pca& pca, const Tensor& x);

}  // namespace primal
