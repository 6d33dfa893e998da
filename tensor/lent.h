// A tensor over memory that somebody else owns: arrays of another library, without a copy.
//
//   memory   at least shape.numel() elements, aligned as their type asks; lives until the last copy of the
//            handle is gone, when the pointer's deleter is called, on whichever thread that is
// Ops never write to the tensors they are given, so the memory may be read-only where the tensor is only an
// input.
// Errors:  ShapeError where the memory is not aligned, or null for a shape that has elements.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace primal {

Tensor lent_tensor(std::shared_ptr<void> memory, const Shape& shape, DType dtype);

}  // namespace primal
