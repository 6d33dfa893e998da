#include "nn/upsample3d/upsample3d_axis.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>

#include "tensor/tensor.h"

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
  map.n_out = static_cast<int64_t>(taps.size());
  for (const std::vector<Tap>& row : taps)
    map.n_taps = std::max(map.n_taps, static_cast<int64_t>(row.size()));
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

}  // namespace

template <class T>
AxisMap<T> axis_map(int64_t n, int64_t m, const Upsample3dParams& params) {
  const auto cells = static_cast<double>(n), outputs = static_cast<double>(m);
  std::vector<std::vector<Tap>> taps(static_cast<size_t>(m));
  for (int64_t i = 0; i < m; ++i) {
    std::vector<Tap>& row = taps[static_cast<size_t>(i)];
    const auto at = static_cast<double>(i);
    if (params.mode == UpsampleMode::nearest) {
      // In float, as PyTorch has it for every type: where i n / m is whole, rounding decides.
      const float step = static_cast<float>(n) / static_cast<float>(m);
      row = {{std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * step)), n - 1), 1.0}};
      continue;
    }
    const double r = params.align_corners ? (m > 1 ? at * (cells - 1.0) / (outputs - 1.0) : 0.0)
                                          : std::max((at + 0.5) * cells / outputs - 0.5, 0.0);
    const int64_t j = std::min(static_cast<int64_t>(r), n - 1);
    const double f = r - static_cast<double>(j);
    // Beyond the last cell both taps are that cell: one tap of weight 1.
    if (f == 0.0 || j == n - 1) {
      row = {{j, 1.0}};
    } else {
      row = {{j, 1.0 - f}, {j + 1, f}};
    }
  }
  AxisMap<T> map = from_taps<T>(n, taps);
  map.identity = n == m;
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
  return result;
}

namespace {

template <class T>
AxisMap<T> map_of(int64_t n, int64_t m, const Upsample3dParams& params, bool adjoint) {
  const AxisMap<T> map = axis_map<T>(n, m, params);
  return adjoint ? transposed(map) : map;
}

// The tables of one axis on a device, n cells to m.
template <class T>
AxisTable<T> uploaded(Device device, int64_t n, int64_t m, const Upsample3dParams& params, bool adjoint) {
  using Key = std::tuple<Device::Kind, int, int64_t, int64_t, UpsampleMode, bool, bool>;
  struct Entry {
    AxisTable<T> table;
    Tensor index, weight;  // what the table shows
  };
  static std::mutex mutex;
  static auto& entries = *new std::map<Key, Entry>;  // never destroyed: devices may go before
  const std::lock_guard lock(mutex);
  Entry& entry = entries[{device.kind, device.index, n, m, params.mode, params.align_corners, adjoint}];
  if (!entry.index.defined()) {
    const AxisMap<T> map = map_of<T>(n, m, params, adjoint);
    const Shape shape{static_cast<int64_t>(map.index.size())};
    entry.index = Tensor::from(shape, map.index).to(device);
    entry.weight = Tensor::from(shape, map.weight).to(device);
    entry.table = map.table();
    entry.table.index = entry.index.template device_span<const int32_t>();
    entry.table.weight = entry.weight.template device_span<const T>();
  }
  return entry.table;
}

}  // namespace

template <class T>
VolumeMaps<T>::VolumeMaps(Device device, const std::array<int64_t, 3>& x, const std::array<int64_t, 3>& y,
                          const Upsample3dParams& params, bool adjoint) {
  for (size_t axis = 0; axis < 3; ++axis) {
    if (device.is_cpu()) {
      maps_[axis] = map_of<T>(x[axis], y[axis], params, adjoint);
      tables_[axis] = maps_[axis].table();
    } else {
      tables_[axis] = uploaded<T>(device, x[axis], y[axis], params, adjoint);
    }
  }
}

template class VolumeMaps<float>;
template class VolumeMaps<double>;

template AxisMap<float> axis_map(int64_t, int64_t, const Upsample3dParams&);
template AxisMap<double> axis_map(int64_t, int64_t, const Upsample3dParams&);
template AxisMap<float> transposed(const AxisMap<float>&);
template AxisMap<double> transposed(const AxisMap<double>&);

}  // namespace primal
