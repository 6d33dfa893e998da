// ResidentPictures: the pictures of a training set in the memory of the device. A picture is uploaded at
// its first use and stays there, so that later epochs neither decode it nor copy it from the host. Values
// are the same, bit for bit.
//
// Pictures stay on devices other than the CPU, if all of them together take at most `most_bytes` and at most
// a quarter of the memory that is free on the device. Otherwise, or if the device cannot allocate the memory,
// each use uploads the picture again.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

// The bytes that n pictures of that shape [1,..], f32, take on the device, or 0 if they do not stay there.
int64_t resident_bytes(Device device, int64_t n, const Shape& shape, int64_t most_bytes);

class ResidentPictures {
 public:
  ResidentPictures(Device device, int64_t n, const Shape& shape, int64_t most_bytes);

  bool holds(int64_t i) const;
  // Picture i on the device. If it is not there yet, `read` returns it, f32 of that shape, and it is
  // uploaded.
  Tensor of(int64_t i, const std::function<Tensor()>& read);

 private:
  bool stay();

  Device device_;
  int64_t n_;
  Shape shape_;
  int64_t bytes_;  // 0: they do not stay
  Tensor all_;     // [n,..], made with the first picture
  std::vector<bool> there_;
};

}  // namespace primal
