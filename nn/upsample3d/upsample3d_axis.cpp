#include "nn/upsample3d/upsample3d_axis.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>

#include "nn/upsample3d/upsample3d.h"
#include "tensor/backend.h"

namespace primal {
namespace {

struct Tap {
  int64_t index;
  double weight;
};

template <class T>
AxisMap<T> from_taps(int64_t n_in, const std::vector<std::vector<Tap>>& taps) {
  AxisMap<T> map;
  map.n_in = n_in;
  map.n_out = std::ssize(taps);
  for (const std::vector<Tap>& row : taps) map.n_taps = std::max(map.n_taps, std::ssize(row));
  map.n_taps += map.n_taps % 2;
  map.index.resize(static_cast<size_t>(map.n_taps) * taps.size());
  map.weight.resize(map.index.size());
  for (size_t i = 0; i < taps.size(); ++i) {
    for (size_t t = 0; t < static_cast<size_t>(map.n_taps); ++t) {
      const bool real = t < taps[i].size();
      const int64_t spare = taps[i].empty() ? 0 : taps[i].front().index;
      map.index[t * taps.size() + i] = static_cast<int32_t>(real ? taps[i][t].index : spare);
      map.weight[t * taps.size() + i] = static_cast<T>(real ? taps[i][t].weight : 0.0);
    }
  }
  return map;
}

// Row i of the matrix that makes m cells of n.
std::vector<Tap> taps_of(int64_t i, int64_t n, int64_t m, const Upsample3dParams& params) {
  const auto cells = static_cast<double>(n), outputs = static_cast<double>(m), at = static_cast<double>(i);
  if (params.mode == UpsampleMode::nearest) {
    // In float, as PyTorch has it for every type: where i n / m is whole, rounding decides.
    const float step = static_cast<float>(n) / static_cast<float>(m);
    return {{std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * step)), n - 1), 1.0}};
  }
  const double r = params.align_corners ? (m > 1 ? at * (cells - 1.0) / (outputs - 1.0) : 0.0)
                                        : std::max((at + 0.5) * cells / outputs - 0.5, 0.0);
  const int64_t j = std::min(static_cast<int64_t>(r), n - 1);
  const double f = r - static_cast<double>(j);
  // Beyond the last cell both taps are that cell: one tap of weight 1.
  if (f == 0.0 || j == n - 1) return {{j, 1.0}};
  return {{j, 1.0 - f}, {j + 1, f}};
}

}  // namespace

CellRange upsample3d_sources(const CellRange& y, int64_t n, int64_t m, const Upsample3dParams& params) {
  return {taps_of(y.begin, n, m, params).front().index, taps_of(y.end - 1, n, m, params).back().index + 1};
}

namespace {

// How often every cell is repeated in order; 0 where it is not so.
int64_t repeats_of(int64_t n_in, const std::vector<std::vector<Tap>>& taps) {
  const auto n_out = static_cast<int64_t>(taps.size());
  if (n_in == 0 || n_out % n_in != 0) return 0;
  const int64_t n = n_out / n_in;
  for (int64_t i = 0; i < n_out; ++i) {
    const std::vector<Tap>& row = taps[static_cast<size_t>(i)];
    if (row.size() != 1 || row[0].index != i / n || row[0].weight != 1.0) return 0;
  }
  return n;
}

}  // namespace

template <class T>
AxisMap<T> axis_map(const AxisGeometry& axis, const Upsample3dParams& params) {
  std::vector<std::vector<Tap>> taps;
  for (int64_t i = 0; i < axis.n_out; ++i) {
    taps.push_back(taps_of(axis.y_begin + i, axis.n, axis.m, params));
    for (Tap& tap : taps.back()) tap.index -= axis.x_begin;
  }
  AxisMap<T> map = from_taps<T>(axis.n_in, taps);
  map.repeats = repeats_of(axis.n_in, taps);
  map.identity = axis.n == axis.m && axis.x_begin == axis.y_begin && axis.n_in == axis.n_out;
  return map;
}

template <class T>
AxisMap<T> transposed(const AxisMap<T>& map) {
  std::vector<std::vector<Tap>> taps(static_cast<size_t>(map.n_in));
  for (int64_t i = 0; i < map.n_out; ++i) {
    for (int64_t t = 0; t < map.n_taps; ++t) {
      const auto entry = static_cast<size_t>(t * map.n_out + i);
      if (map.weight[entry] != T(0))
        taps[static_cast<size_t>(map.index[entry])].push_back({i, static_cast<double>(map.weight[entry])});
    }
  }
  AxisMap<T> result = from_taps<T>(map.n_out, taps);
  result.identity = map.identity;
  result.repeats = map.repeats;
  return result;
}

namespace {

template <class T>
AxisMap<T> map_of(const AxisGeometry& axis, const Upsample3dParams& params, bool adjoint) {
  const AxisMap<T> map = axis_map<T>(axis, params);
  return adjoint ? transposed(map) : map;
}

template <class T>
DeviceAxisMap<T> upload(Device device, const AxisMap<T>& map) {
  const Shape shape{std::ssize(map.index)};
  DeviceAxisMap<T> there{map.table(), Tensor::from(shape, map.index).to(device),
                         Tensor::from(shape, map.weight).to(device)};
  there.table.index = there.index.template device_span<const int32_t>();
  there.table.weight = there.weight.template device_span<const T>();
  return there;
}

// The maps that a device has, uploaded when they are first asked for. Pictures of ever new sizes would fill
// the memory with tables of a few KB each, so all are dropped once there are too many. A caller keeps the map
// that it has, and kernels that read one are launched before its memory is used again.
template <class T>
class UploadedMaps {
 public:
  DeviceAxisMap<T> get(Device device, const AxisGeometry& axis, const Upsample3dParams& params,
                       bool adjoint) {
    constexpr size_t kMost = 256;
    const std::lock_guard lock(mutex_);
    const Key key{axis, params.mode, params.align_corners, adjoint};
    if (const auto known = maps_.find(key); known != maps_.end()) return known->second;
    const DeviceAxisMap<T> map = upload(device, map_of<T>(axis, params, adjoint));
    if (maps_.size() >= kMost) maps_.clear();
    maps_.emplace(key, map);
    return map;
  }

 private:
  using Key = std::tuple<AxisGeometry, UpsampleMode, bool, bool>;
  std::mutex mutex_;
  std::map<Key, DeviceAxisMap<T>> maps_;
};

}  // namespace

template <class T>
VolumeMaps<T>::VolumeMaps(Device device, const VolumeGeometry& geometry, const Upsample3dParams& params,
                          bool adjoint) {
  for (size_t axis = 0; axis < 3; ++axis) {
    if (device.is_cpu()) {
      maps_[axis] = map_of<T>(geometry[axis], params, adjoint);
      tables_[axis] = maps_[axis].table();
    } else {
      device_maps_[axis] =
          backend(device).kept<UploadedMaps<T>>().get(device, geometry[axis], params, adjoint);
      tables_[axis] = device_maps_[axis].table;
    }
  }
}

template class VolumeMaps<float>;
template class VolumeMaps<double>;

template AxisMap<float> axis_map(const AxisGeometry&, const Upsample3dParams&);
template AxisMap<double> axis_map(const AxisGeometry&, const Upsample3dParams&);
template AxisMap<float> transposed(const AxisMap<float>&);
template AxisMap<double> transposed(const AxisMap<double>&);

}  // namespace primal
