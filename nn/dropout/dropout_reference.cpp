// One Philox call decides about four neighbouring elements of a row.
#include <algorithm>

#include "nn/dropout/dropout_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGroups = 1 << 10;  // of four elements, per parallel chunk

// Calls use(i, kept) for every element, at i in memory.
template <class Use>
void for_each_element(const Exec& exec, const DropoutMask& mask, int64_t n_rows, int64_t n_elements,
                      const Use& use) {
  const int64_t n_groups = (n_elements + 3) / 4;  // of a row
  parallel_for(exec, n_rows * n_groups, kGroups, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t row = at / n_groups, group = at % n_groups;
      const PhiloxWords words = dropout_words(mask, row, group);
      const int64_t first = 4 * group, n = std::min<int64_t>(4, n_elements - first);
      for (int64_t k = 0; k < n; ++k) use(row * n_elements + first + k, words.v[k] >= mask.threshold);
    }
  });
}

template <class T>
void forward(const Exec& exec, View<const T, 2> x, const DropoutMask& mask, View<T, 2> y) {
  const T factor = static_cast<T>(mask.factor);
  for_each_element(exec, mask, x.size(0), x.size(1),
                   [&](int64_t i, bool kept) { y.data[i] = kept ? factor * x.data[i] : T(0); });
}

template <class T>
void backward(const Exec& exec, View<const T, 2> grad_y, const DropoutMask& mask, View<T, 2> grad_x) {
  const T factor = static_cast<T>(mask.factor);
  for_each_element(exec, mask, grad_y.size(0), grad_y.size(1),
                   [&](int64_t i, bool kept) { grad_x.data[i] += kept ? factor * grad_y.data[i] : T(0); });
}

template <class T>
constexpr DropoutImplementation<T> kReferenceOf{
    {kReference, "one pass, a Philox call for four elements"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const DropoutImplementation<float> dropout_reference_f32 = kReferenceOf<float>;
const DropoutImplementation<double> dropout_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
