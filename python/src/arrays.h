// Converts Python arrays to tensors, and back.
//
// borrowed() copies nothing: the tensor reads the array's memory and keeps the array alive for as long as it
// lives itself. array_of() copies nothing either: the array reads the tensor's memory. If an array is
// modified while a call reads it, the call may see old and new values, as with NumPy itself.
// Errors:  DTypeError (a TypeError of Python) for element types other than float32 and float64. Arrays that
//          are not contiguous never reach this code: primal/_arrays.py copies them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "tensor/tensor.h"

namespace primal::python {

using Array = nanobind::ndarray<nanobind::ro, nanobind::device::cpu, nanobind::c_contig>;

Tensor borrowed(const Array& array);
nanobind::object array_of(const Tensor& tensor);

}  // namespace primal::python
