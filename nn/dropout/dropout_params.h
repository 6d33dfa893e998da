// What dropout.h draws its mask from, for kernels too.
#pragma once

#include <cstdint>

#include "tensor/philox.h"

namespace primal {

// Element j of row n takes element `first` + j of the stream with sample number stream.sample + n, and is
// dropped where that word is below `threshold`; the others are multiplied by `factor`.
struct DropoutMask {
  PhiloxStream stream;
  uint64_t first = 0;      // a multiple of 4
  uint64_t threshold = 0;  // p 2^32
  double factor = 1.0;     // 1 / (1 - p)
  // Where the data are: the epoch and the sample of each row, instead of the stream's; null: the stream's.
  const int64_t* place = nullptr;
};

// The words of elements 4 group .. 4 group + 3 of a row.
PRIMAL_HOST_DEVICE inline PhiloxWords dropout_words(const DropoutMask& mask, int64_t row, int64_t group) {
  PhiloxStream stream = mask.stream;
  if (mask.place != nullptr) {
    stream.epoch = static_cast<uint32_t>(mask.place[0]);
    stream.sample = static_cast<uint32_t>(mask.place[1 + row]);
  } else {
    stream.sample += static_cast<uint32_t>(row);
  }
  return philox_words(stream, mask.first / 4 + static_cast<uint64_t>(group));
}

}  // namespace primal
