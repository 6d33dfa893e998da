// FiniteCheck: which op was the first to make a number that is not finite. While one lives on a thread, every
// op's result, as it is recorded, and every gradient that a node's backward adds to, is looked at. That reads
// each tensor once more: for a step that is known to go wrong, run a second time, not for every step.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

// How many elements are infinite or not a number; 0 for a tensor of integers or an undefined one.
int64_t count_non_finite(const Tensor& t);
// The count for each of these tensors, which live on one device. The device is waited for once for
// each of the two types, whatever the number of tensors.
std::vector<int64_t> count_non_finite(std::span<const Tensor> tensors);

struct NonFinite {
  std::string op;         // as record() names it: "conv3d"
  int64_t number;         // of the op among those recorded since the check began, from 1
  bool backward = false;  // found in a gradient of its inputs
  std::string tensor;     // "result", "gradient of input 1"
  std::string shape;
  int64_t count, numel;  // elements that are not finite, and all
  // "conv3d, op 12, forward: 3 of 4096 elements of its result [1,2,1,64,32] are not finite"
  std::string str() const;
};

class FiniteCheck {
 public:
  FiniteCheck();  // the one that lived before on this thread waits
  ~FiniteCheck();
  FiniteCheck(const FiniteCheck&) = delete;
  FiniteCheck& operator=(const FiniteCheck&) = delete;

  const std::optional<NonFinite>& first() const { return first_; }

  // For the tape: null where none lives on this thread.
  static FiniteCheck* current();
  int64_t saw_result(const char* op, const Tensor& value);  // returns the op's number
  void saw_gradient(const char* op, int64_t number, size_t input, const Tensor& gradient);

 private:
  void note(NonFinite found);

  FiniteCheck* before_;
  int64_t n_ops_ = 0;
  std::optional<NonFinite> first_;
};

}  // namespace primal
