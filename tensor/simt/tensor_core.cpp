#include "tensor/simt/tensor_core.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/core.h>

#include "tensor/error.h"
#include "tensor/simt/async_copy.h"
#include "tensor/simt/residents.h"

namespace primal::simt {
namespace {

constexpr int kRows = 16, kColumns = 8, kDepth = 8, kLaneColumns = 4;
constexpr unsigned kLowBits = 0x1FFF, kExponent = 0x7F800000;
constexpr int kFloatBits = 24, kExtraBits = 1;  // of the largest term, that the others are cut off at

double operand(unsigned bits, const char* matrix, int lane) {
  if ((bits & kLowBits) != 0 && (bits & kExponent) != kExponent) {
    throw CheckFailed(
        "{} lane {} multiplies {:.9g} of {}, which has more bits than TF32: a device would cut them off, so "
        "round it with to_tf32",
        running_str(), lane, __uint_as_float(bits), matrix);
  }
  return static_cast<double>(__uint_as_float(bits));
}

// 2^exponent of a double that is a normal number
int exponent_of(double x) { return static_cast<int>(std::bit_cast<uint64_t>(x) >> 52 & 0x7FF) - 1023; }
double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

float towards_zero(double x) {
  const auto nearest = static_cast<float>(x);
  return std::fabs(static_cast<double>(nearest)) > std::fabs(x) ? std::nextafter(nearest, 0.0f) : nearest;
}

// The sum of the terms as a tensor core adds them. Terms are products of floats of 11 bits, so normal as
// doubles, or 0.
float sum_of_terms(const double (&terms)[kDepth + 1]) {
  int largest = -2000;
  double plain = 0.0;
  for (const double term : terms) {
    plain += term;
    if (term != 0.0) largest = std::max(largest, exponent_of(term));
  }
  if (largest == -2000 || !std::isfinite(plain)) return static_cast<float>(plain);
  const int unit = largest - (kFloatBits - 1 + kExtraBits);
  const double scale = power_of_two(-unit);
  int64_t sum = 0;
  for (const double term : terms) sum += static_cast<int64_t>(term * scale);
  return towards_zero(static_cast<double>(sum) * power_of_two(unit));
}

}  // namespace

void multiply_fragments(const Fragments* const (&lanes)[warpSize]) {
  double a[kRows][kDepth], b[kDepth][kColumns];
  for (int lane = 0; lane < warpSize; ++lane) {
    const Fragments& of = *lanes[lane];
    const int g = lane / kLaneColumns, t = lane % kLaneColumns;
    for (int half = 0; half < 2; ++half) {
      a[g][t + 4 * half] = operand(of.a[2 * half], "a", lane);
      a[g + 8][t + 4 * half] = operand(of.a[2 * half + 1], "a", lane);
      b[t + 4 * half][g] = operand(of.b[half], "b", lane);
    }
  }
  for (int lane = 0; lane < warpSize; ++lane) {
    const int g = lane / kLaneColumns, t = lane % kLaneColumns;
    for (int i = 0; i < 4; ++i) {
      const int row = g + 8 * (i / 2), column = 2 * t + i % 2;
      double terms[kDepth + 1];
      for (int k = 0; k < kDepth; ++k) terms[k] = a[row][k] * b[k][column];
      float& sum = lanes[lane]->sum[i];
      terms[kDepth] = static_cast<double>(sum);
      sum = sum_of_terms(terms);
    }
  }
}

void PendingCopies::start(void* to, const void* value, size_t bytes) {
  Copy copy{to, {}, static_cast<uint32_t>(bytes), group_};
  std::memcpy(copy.value, value, bytes);
  copies_.push_back(copy);
}

void PendingCopies::arrive(int n_left) {
  const auto arrived = [&](const Copy& copy) { return copy.group + static_cast<uint32_t>(n_left) < group_; };
  for (const Copy& copy : copies_) {
    if (arrived(copy)) std::memcpy(copy.to, copy.value, copy.bytes);
  }
  std::erase_if(copies_, arrived);
}

PendingCopies& copies_of_this_thread(const char* what) {
  if (running.thread == nullptr) throw CheckFailed("[simt] {} outside a kernel", what);
  return running.thread->copies;
}

}  // namespace primal::simt
