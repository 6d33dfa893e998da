// BroadcastView: an NCDHW view read as if it had larger extents; an axis of extent 1 stands for every index.
// So a scalar lambda is a [1,1,1,1,1], one lambda per problem a [N,1,1,1,1], a map for all axes a
// [N,1,D,H,W].
#pragma once

#include "tensor/view.h"

namespace primal {

// Row-major strides, 0 along the axes of extent 1.
inline std::array<int64_t, 5> broadcast_strides(const std::array<int64_t, 5>& extent) {
  std::array<int64_t, 5> strides{};
  int64_t stride = 1;
  for (size_t axis = 5; axis-- > 0;) {
    strides[axis] = extent[axis] == 1 ? 0 : stride;
    stride *= extent[axis];
  }
  return strides;
}

template <class T>
class BroadcastView {
 public:
  explicit BroadcastView(View5<T> v) : data_(v.data), stride_(broadcast_strides(v.extent)) {}

  // The row along W at (n,c,d,h): element w is row(...)[w * step()].
  T* row(int64_t n, int64_t c, int64_t d, int64_t h) const {
    return data_ + n * stride_[0] + c * stride_[1] + d * stride_[2] + h * stride_[3];
  }
  int64_t step() const { return stride_[4]; }

 private:
  T* data_;
  std::array<int64_t, 5> stride_;
};

}  // namespace primal
