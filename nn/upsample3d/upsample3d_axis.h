// The matrix of one axis of upsample3d as tables, on the host and on devices.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <vector>

#include "nn/upsample3d/upsample3d_kernels.h"
#include "tensor/tensor.h"

namespace primal {

// The matrix of one axis, n_in cells to n_out; AxisTable says what the tables mean.
template <class T>
struct AxisMap {
  int64_t n_in = 0, n_out = 0;
  int64_t n_taps = 0;
  bool identity = false;  // nothing to do along this axis
  std::vector<int32_t> index;
  std::vector<T> weight;
  int64_t repeats = 0;

  AxisTable<T> table() const { return {n_in, n_out, n_taps, identity, index, weight, repeats}; }
};

// An axis of n cells that becomes one of m: x has n_in of the n cells, from x_begin on, and y gets n_out of
// the m cells, from y_begin on.
struct AxisGeometry {
  int64_t n = 0, m = 0;
  int64_t x_begin = 0, n_in = 0;
  int64_t y_begin = 0, n_out = 0;
  auto operator<=>(const AxisGeometry&) const = default;
};
using VolumeGeometry = std::array<AxisGeometry, 3>;  // D, H, W

// Indices and weights are computed in double, whatever T.
template <class T>
AxisMap<T> axis_map(const AxisGeometry& axis, const Upsample3dParams& params);
template <class T>
AxisMap<T> transposed(const AxisMap<T>& map);

// An AxisMap on a device.
template <class T>
struct DeviceAxisMap {
  AxisTable<T> table;
  Tensor index, weight;  // what the table shows
};

// The tables that resample x to y, or its adjoint; they live as long as this object. Those for the CPU are
// made anew; those for other devices are uploaded once for each geometry and kept, unless there are too many.
template <class T>
class VolumeMaps {
 public:
  VolumeMaps(Device device, const VolumeGeometry& geometry, const Upsample3dParams& params, bool adjoint);
  const AxisTables<T>& tables() const { return tables_; }

 private:
  std::array<AxisMap<T>, 3> maps_;               // on the CPU
  std::array<DeviceAxisMap<T>, 3> device_maps_;  // on other devices
  AxisTables<T> tables_;
};

}  // namespace primal
