// cuBLASLt, loaded at run time, and the one thing wanted of it: a matrix product of row-major float32
// matrices.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "tensor/exec.h"

namespace primal::cuda {

// Where cuBLASLt was found, or why it cannot be used; loaded when first asked for.
struct CublasLtStatus {
  std::string path, problem;
};
CublasLtStatus cublaslt_status();
bool has_cublaslt();

// c [m,n] = a [m,k] b [k,n] + (add ? c : 0) + bias, all row-major and contiguous; a transposed one is
// stored as [k,m] or [n,k]. `bias` [n] goes to every row; null: none. A batch repeats it with the strides
// of each, in elements; 0: shared.
struct MatrixProduct {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  const float* bias = nullptr;
  bool transpose_a = false, transpose_b = false, add = false;
  int64_t batch = 1, stride_a = 0, stride_b = 0, stride_c = 0;
};

// What cuBLASLt may assume of a matrix: the largest power of two, at most 256 bytes, to which it is
// aligned in the whole batch.
inline uint32_t alignment_of(const float* data, int64_t batch, int64_t stride) {
  constexpr uint64_t kMost = 256;
  uint64_t bits = kMost | reinterpret_cast<uintptr_t>(data);
  if (batch > 1) bits |= static_cast<uint64_t>(stride) * sizeof(float);
  return uint32_t{1} << std::countr_zero(bits);
}

// The first algorithm of cuBLASLt's heuristic list for the shape, at --precision. DeviceError where
// it fails or is not there.
void multiply(const Exec& exec, const MatrixProduct& product);

}  // namespace primal::cuda
