#include "data/embedding/pca.h"

// Threads are ours: Eigen's would divide sums by their number.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

constexpr int64_t kGrain = 32;  // columns of a product in a parallel chunk

Matrix matrix_of(const Tensor& x) {
  if (!x.defined() || x.shape().rank() != 2)
    throw ShapeError("[pca] expected vectors [n, d], got {}", x.str());
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64)
    throw ShapeError("[pca] expected f32 or f64, got {}", x.str());
  const Tensor wide = x.to(DType::f64);
  return Eigen::Map<const Matrix>(wide.data<double>(), x.size(0), x.size(1));
}

Tensor tensor_of(const Matrix& m) {
  const Tensor x = Tensor::empty({m.rows(), m.cols()}, DType::f64);
  std::copy(m.data(), m.data() + m.size(), x.data<double>());
  return x;
}
Tensor tensor_of(const Vector& v) {
  const Tensor x = Tensor::empty({v.size()}, DType::f64);
  std::copy(v.data(), v.data() + v.size(), x.data<double>());
  return x;
}

// a b, some columns at a time
template <class A, class B>
Matrix product(const A& a, const B& b) {
  Matrix c(a.rows(), b.cols());
  parallel_for(Exec{}, b.cols(), kGrain, [&](int64_t begin, int64_t end) {
    c.middleCols(begin, end - begin).noalias() = a * b.middleCols(begin, end - begin);
  });
  return c;
}

}  // namespace

Pca pca(const Tensor& x, int64_t n_components) {
  Matrix centred = matrix_of(x);
  const int64_t n = centred.rows(), d = centred.cols(), order = std::min(n, d);
  if (n < 2) throw ShapeError("[pca] needs at least 2 vectors, got {}", n);
  if (n_components < 1 || n_components > order)
    throw ShapeError("[pca] {} vectors of {} dimensions have 1 to {} components, asked for {}", n, d, order,
                     n_components);
  if (order > kMaxPcaOrder)
    throw ShapeError("[pca] {} vectors of {} dimensions: at most {} of one or the other", n, d, kMaxPcaOrder);
  if (!centred.allFinite()) throw NumericError("[pca] a value is not finite");

  const Vector mean = centred.colwise().mean().transpose();
  centred.rowwise() -= mean.transpose();
  const bool by_dimensions = d <= n;
  const Matrix square =
      by_dimensions ? product(centred.transpose(), centred) : product(centred, centred.transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(square / static_cast<double>(n - 1));
  if (solver.info() != Eigen::Success) throw NumericError("[pca] the eigenvalues did not converge");

  // Eigen has them in ascending order.
  const Vector variance = solver.eigenvalues().tail(n_components).reverse().cwiseMax(0.0);
  const Matrix vectors = solver.eigenvectors().rightCols(n_components).rowwise().reverse();
  Matrix components = by_dimensions ? Matrix(vectors.transpose()) : product(vectors.transpose(), centred);
  for (int64_t k = 0; k < n_components; ++k) {
    auto row = components.row(k);
    // From inner products, a direction without variance comes out as rounding alone: there is none.
    const double norm = row.norm(),
                 scale = std::sqrt(static_cast<double>(n - 1) * std::max(variance[0], 0.0));
    if (norm > 1e-12 * scale && norm > 0.0) {
      row /= norm;
    } else {
      row.setZero();
    }
    Eigen::Index largest = 0;
    row.cwiseAbs().maxCoeff(&largest);
    if (row[largest] < 0.0) row = -row;
  }
  const double total = square.trace() / static_cast<double>(n - 1);
  const Vector ratio = total > 0.0 ? Vector(variance / total) : Vector(Vector::Zero(n_components));
  Matrix projected(n, n_components);
  parallel_for(Exec{}, n, 256, [&](int64_t begin, int64_t end) {
    projected.middleRows(begin, end - begin).noalias() =
        centred.middleRows(begin, end - begin) * components.transpose();
  });
  return {tensor_of(mean), tensor_of(components), tensor_of(variance), tensor_of(ratio),
          tensor_of(projected)};
}

Tensor project(const Pca& pca, const Tensor& x) {
  Matrix centred = matrix_of(x);
  const Eigen::Map<const Vector> mean(pca.mean.data<double>(), pca.mean.numel());
  if (centred.cols() != mean.size())
    throw ShapeError("[pca] vectors of {} dimensions, components of {}", centred.cols(), mean.size());
  centred.rowwise() -= mean.transpose();
  const Eigen::Map<const Matrix> components(pca.components.data<double>(), pca.components.size(0),
                                            mean.size());
  return tensor_of(Matrix(centred * components.transpose()));
}

}  // namespace primal
