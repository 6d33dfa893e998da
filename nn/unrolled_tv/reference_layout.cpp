#include "nn/unrolled_tv/reference_layout.h"

#include <array>
#include <cstring>

namespace primal {
namespace {

// Do the axes that have more than one element stay in their order? Then a permutation moves
// nothing: kernels of depth one.
bool moves_nothing(const Tensor& t, const std::array<int, 5>& order) {
  int last = -1;
  for (const int axis : order) {
    if (t.size(axis) == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

// t with axis order[a] as axis a: a copy, or where nothing moves the same elements.
Tensor permuted(const Tensor& t, const std::array<int, 5>& order) {
  std::array<int64_t, 5> extent{}, step{};
  std::array<int64_t, 5> source_step{};
  int64_t step_of_axis = 1;
  for (int a = 4; a >= 0; --a) {
    source_step[static_cast<size_t>(a)] = step_of_axis;
    step_of_axis *= t.size(a);
  }
  for (size_t a = 0; a < 5; ++a) {
    extent[a] = t.size(order[a]);
    step[a] = source_step[static_cast<size_t>(order[a])];
  }
  if (moves_nothing(t, order)) return t.reshape(Shape(std::span<const int64_t>(extent)));
  const Tensor result = Tensor::empty(Shape(std::span<const int64_t>(extent)), t.dtype());
  const size_t bytes = size_of(t.dtype());
  const char* from = static_cast<const char*>(t.raw());
  char* to = static_cast<char*>(result.raw());
  for (int64_t i = 0; i < extent[0]; ++i) {
    for (int64_t j = 0; j < extent[1]; ++j) {
      for (int64_t k = 0; k < extent[2]; ++k) {
        for (int64_t l = 0; l < extent[3]; ++l) {
          for (int64_t m = 0; m < extent[4]; ++m) {
            const int64_t at = i * step[0] + j * step[1] + k * step[2] + l * step[3] + m * step[4];
            std::memcpy(to, from + static_cast<size_t>(at) * bytes, bytes);
            to += bytes;
          }
        }
      }
    }
  }
  return result;
}

TensorMap permuted_kernels(const TensorMap& state, const std::array<int, 5>& order) {
  TensorMap result;
  for (const auto& [name, tensor] : state) {
    result[name] = tensor.shape().rank() == 5 ? permuted(tensor, order) : tensor;
  }
  return result;
}

}  // namespace

TensorMap from_reference_layout(const TensorMap& state) { return permuted_kernels(state, {0, 1, 4, 2, 3}); }
TensorMap to_reference_layout(const TensorMap& state) { return permuted_kernels(state, {0, 1, 3, 4, 2}); }

}  // namespace primal
