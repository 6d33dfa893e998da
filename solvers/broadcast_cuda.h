// GlobalBroadcast: a BroadcastView as kernels take it.
#pragma once

#include "solvers/broadcast.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

struct GlobalBroadcast {
  Global<const float> data;
  int64_t stride[5];
};

// The view as kernels take it. It is empty where the view has no data.
inline GlobalBroadcast global_broadcast(const View5<const float>& view) {
  GlobalBroadcast g{};
  if (view.data == nullptr) return g;
  g.data = global(view.flat());
  const std::array<int64_t, 5> strides = broadcast_strides(view.extent);
  for (size_t axis = 0; axis < 5; ++axis) g.stride[axis] = strides[axis];
  return g;
}

}  // namespace primal::PRIMAL_SIMT
