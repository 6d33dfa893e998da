// The reference: row by row of the weights, each a copy of its row of lambda, or of its one value.
#include <algorithm>
#include <vector>

#include "solvers/boundary/boundary_kernels.h"
#include "solvers/broadcast.h"

namespace primal::cpu {
namespace {

// The extents of row (n, a, d, h) that do not wrap: none, all W elements, or all but the last.
template <class T>
int64_t n_inside(View5<T> y, int axis, int64_t d, int64_t h) {
  const int64_t W = y.size(4);
  if (axis == 4) return W - 1;
  const bool last = axis == 3 ? h + 1 == y.size(3) : d + 1 == y.size(2);
  return last ? 0 : W;
}

template <class T>
void forward(const Exec& exec, View5<const T> lambda, const Axes& axes, View5<T> y) {
  const int64_t A = y.size(1), D = y.size(2), H = y.size(3), W = y.size(4);
  const BroadcastView<const T> from(lambda);
  parallel_for(exec, y.size(0) * A * D * H, std::max<int64_t>(1, 16384 / W), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t n = r / (A * D * H), a = r / (D * H) % A, d = r / H % D, h = r % H;
      const T* row = from.row(n, a, d, h);
      T* out = &y(n, a, d, h, 0);
      const int64_t inside = n_inside(y, axes[a], d, h);
      if (from.step() == 0)
        std::fill_n(out, inside, *row);
      else
        std::copy_n(row, inside, out);
      std::fill(out + inside, out + W, T(0));
    }
  });
}

template <class T>
void backward(const Exec& exec, View5<const T> grad_y, const Axes& axes, View5<T> grad_lambda) {
  parallel_for(exec, 1, 1, [&](int64_t, int64_t) {  // one thread: the sums keep their order
    const int64_t A = grad_y.size(1), D = grad_y.size(2), H = grad_y.size(3);
    std::vector<double> sums(static_cast<size_t>(grad_lambda.numel()), 0.0);
    const BroadcastView<double> to(View5<double>{sums.data(), grad_lambda.extent});
    for (int64_t n = 0; n < grad_y.size(0); ++n) {
      for (int64_t a = 0; a < A; ++a) {
        for (int64_t d = 0; d < D; ++d) {
          for (int64_t h = 0; h < H; ++h) {
            const T* row = &grad_y(n, a, d, h, 0);
            double* sum = to.row(n, a, d, h);
            const int64_t inside = n_inside(grad_y, axes[a], d, h);
            for (int64_t w = 0; w < inside; ++w) sum[w * to.step()] += row[w];
          }
        }
      }
    }
    const std::span<T> out = grad_lambda.flat();
    for (size_t i = 0; i < out.size(); ++i) out[i] += static_cast<T>(sums[i]);
  });
}

template <class T>
constexpr BoundaryImplementation<T> kReferenceOf{
    {kReference, "row by row"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const BoundaryImplementation<float> boundary_reference_f32 = kReferenceOf<float>;
const BoundaryImplementation<double> boundary_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
