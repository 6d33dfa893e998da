// One launch over several buffers of different sizes: each is cut into chunks, and each chunk is a
// block's. The buffers themselves travel beside it, as arrays of Global in the kernel's
// parameters: nothing is uploaded.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

template <int kMost>
struct Chunks {
  int n = 0;                                // buffers so far
  int64_t size[size_t{kMost}] = {};         // elements of each
  unsigned first[size_t{kMost} + 1] = {0};  // block of each

  bool full() const { return n == kMost; }
  unsigned n_blocks() const { return first[n]; }
  void add(int64_t n_elements, int64_t chunk) {
    size[n] = n_elements;
    first[n + 1] = first[n] + static_cast<unsigned>((n_elements + chunk - 1) / chunk);
    ++n;
  }

  // The buffer of this block, by bisection, and the block's number among those of the buffer.
  __device__ int buffer() const {
    int low = 0, high = n;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (first[middle] <= blockIdx.x) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
  __device__ int64_t chunk_of(int buffer) const { return blockIdx.x - first[buffer]; }

  // The elements [begin, end) of the buffer of this block that are this block's.
  struct Part {
    int buffer;
    int64_t begin, end;
  };
  __device__ Part part(int64_t chunk) const {
    const int k = buffer();
    const int64_t begin = chunk_of(k) * chunk, end = begin + chunk;
    return {k, begin, end < size[k] ? end : size[k]};
  }
};

// The chunks together with the buffers.
template <class T, int kMost>
struct ChunkedBuffers {
  Chunks<kMost> chunks;
  Global<T> data[size_t{kMost}];

  void add(std::span<T> buffer, int64_t chunk) {
    data[chunks.n] = global(buffer);
    chunks.add(static_cast<int64_t>(buffer.size()), chunk);
  }
};

}  // namespace primal::PRIMAL_SIMT
