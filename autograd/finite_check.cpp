#include "autograd/finite_check.h"

#include <fmt/core.h>
#include <utility>

#include "autograd/gradient_kernels.h"

namespace primal {
namespace {

thread_local FiniteCheck* living = nullptr;

// Sets `counts` for the tensors of type T and leaves it as it is for the others.
template <class T>
void count_in(std::span<const Tensor> tensors, Device device, std::vector<int64_t>& counts) {
  std::vector<std::span<const T>> values;
  std::vector<size_t> places;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined() || tensors[i].dtype() != dtype_of<T>()) continue;
    values.push_back(tensors[i].device_span<const T>());
    places.push_back(i);
  }
  if (values.empty()) return;
  const Tensor found = Tensor::empty({std::ssize(values)}, DType::i64, device);
  choose("count_non_finite", "count", gradient_ladder.of<T>(), OnlyShape{}, device)
      .kernels.count_non_finite(exec_on(device), values, found.device_span<int64_t>());
  const Tensor here = found.to(Device{});
  for (size_t i = 0; i < places.size(); ++i) counts[places[i]] = here.data<int64_t>()[i];
}

}  // namespace

std::vector<int64_t> count_non_finite(std::span<const Tensor> tensors) {
  std::vector<int64_t> counts(tensors.size());
  const Device device = common_device("count_non_finite", tensors);
  count_in<float>(tensors, device, counts);
  count_in<double>(tensors, device, counts);
  return counts;
}

int64_t count_non_finite(const Tensor& t) { return count_non_finite(std::span(&t, 1))[0]; }

std::string NonFinite::str() const {
  return fmt::format("{}, op {}, {}: {} of {} elements of its {} {} are not finite", op, number,
                     backward ? "backward" : "forward", count, numel, tensor, shape);
}

FiniteCheck::FiniteCheck() : before_(std::exchange(living, this)) {}
FiniteCheck::~FiniteCheck() { living = before_; }
FiniteCheck* FiniteCheck::current() { return living; }

void FiniteCheck::note(NonFinite found) {
  if (!first_ && found.count > 0) first_ = std::move(found);
}

int64_t FiniteCheck::saw_result(const char* op, const Tensor& value) {
  ++n_ops_;
  note({op, n_ops_, false, "result", value.shape().str(), count_non_finite(value), value.numel()});
  return n_ops_;
}

void FiniteCheck::saw_gradient(const char* op, int64_t number, size_t input, const Tensor& gradient) {
  note({op, number, true, fmt::format("gradient of input {}", input), gradient.shape().str(),
        count_non_finite(gradient), gradient.numel()});
}

}  // namespace primal
