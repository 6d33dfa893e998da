// check_op: every proof that an op's description allows, over its corner cases and on each of its
// implementations.
//
//   gradient   f64: the backward against central differences (gradcheck.h)
//   adjoint    f64: <K x, y> = <x, K' y> in each input in which the op is linear; the constant part is
//              subtracted
//   reference  f32: results and gradients against the same case run by the reference in f64, by the op's own
//              judge
//
// On a device other than the CPU there is the last of these only: kernels compute in f32, the CPU
// has the reference. An implementation is checked where it really ran: one that does not support a
// case gives no row for it.
//
// The reference comes first, and of it the proofs that need nothing but itself: what is compared with a
// reference that is wrong proves nothing.
#pragma once

#include <string>
#include <vector>

#include "tensor/op/op.h"

namespace primal {

struct OpCheckRow {
  std::string op;
  std::string implementation;
  std::string op_case;
  std::string proof;  // "gradient", "adjoint in x", "reference output.y"
  double error = 0.0;
  double allowed = 0.0;
  bool ok = true;
  std::string message;  // what failed; empty when ok
};

// True for a proof that stands by itself, gradient or adjoint; the others compare with the reference.
bool stands_alone(const OpCheckRow& row);

// Whether the reference fails a proof that stands by itself.
bool reference_fails(const std::vector<OpCheckRow>& rows);

std::vector<OpCheckRow> check_op(const OpInfo& info, Device device = {});

}  // namespace primal
