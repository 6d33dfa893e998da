#include "autograd/finite_check.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <utility>

namespace primal {
namespace {

thread_local FiniteCheck* living = nullptr;

}  // namespace

int64_t count_non_finite(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype())) return 0;
  return dispatch_floating(t.dtype(), "count_non_finite", [&]<class T>() -> int64_t {
    return std::ranges::count_if(t.span<T>(), [](T v) { return !std::isfinite(v); });
  });
}

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
