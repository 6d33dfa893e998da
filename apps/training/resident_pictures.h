// ResidentPictures: the pictures of a training set in the memory of its device. Each is uploaded when it is first asked for and stays, so
// that later epochs neither decode it nor copy it from the host. Values are the same, bit for bit.
//
// They stay only where there is room: on devices other than the CPU, where all of them take at most `most_bytes` and a quarter of what is free
// there. Otherwise, and where the device refuses the memory, each use uploads the picture again.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

// What n pictures of that shape [1,..], f32, would take on the device, or 0 where they do not stay.
int64_t resident_bytes(Device device, int64_t n, const Shape& shape, int64_t most_bytes);

class ResidentPictures {
 public:
  ResidentPictures(Device device, int64_t n, const Shape& shape, int64_t most_bytes);

  bool holds(int64_t i) const;
  // Picture i on the device; `read` makes it, f32 of that shape, where it is not there.
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
