// Row by row. Most of a row shows consecutive cells of x: that run is copied or added in one go, and the few
// cells at its ends one by one.
#include <algorithm>
#include <vector>

#include "nn/pad3d/pad3d_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk, at least a row

// The cell that output i shows, -1 for none.
int64_t source_of(int64_t i, int64_t n, const LookupAxis& axis) {
  const int64_t j = i - axis.low;
  if (j >= 0 && j < n) return j;
  switch (axis.mode) {
    case PadMode::zero:
      return -1;
    case PadMode::edge:
      return std::clamp<int64_t>(j, 0, n - 1);
    case PadMode::reflect:
      return j < 0 ? -j : 2 * (n - 1) - j;
    case PadMode::circular:
      return (j + n) % n;
  }
  return -1;
}

// For each output of D, H and W the cell of x it shows.
using Sources = std::array<std::vector<int64_t>, 3>;

template <class X, class Y>
Sources sources_of(View5<X> x, const Lookup3d& lookup, View5<Y> y) {
  Sources sources;
  for (size_t a = 0; a < 3; ++a) {
    for (int64_t i = 0; i < y.extent[2 + a]; ++i)
      sources[a].push_back(source_of(i, x.extent[2 + a], lookup[a]));
  }
  return sources;
}

// Outputs [begin, end) of a row show cells source, source + 1, ...
struct Run {
  int64_t begin = 0, end = 0, source = 0;
};

Run longest_run(const std::vector<int64_t>& sources) {
  Run best, run;
  int64_t i = -1;
  for (const int64_t s : sources) {
    ++i;
    if (s < 0) continue;
    if (i == run.end && i > run.begin && s == run.source + i - run.begin) {
      run.end = i + 1;
    } else {
      run = {i, i + 1, s};
    }
    if (run.end - run.begin > best.end - best.begin) best = run;
  }
  return best;
}

// outputs[j]: the outputs that show cell j, ascending.
std::vector<std::vector<int64_t>> outputs_of(const std::vector<int64_t>& sources, int64_t n_cells) {
  std::vector<std::vector<int64_t>> outputs(static_cast<size_t>(n_cells));
  int64_t i = 0;
  for (const int64_t s : sources) {
    if (s >= 0) outputs[static_cast<size_t>(s)].push_back(i);
    ++i;
  }
  return outputs;
}

template <class T>
void forward(const Exec& exec, View5<const T> x, const Lookup3d& lookup, View5<T> y) {
  const Sources sources = sources_of(x, lookup, y);
  const int64_t n_d = x.size(2), n_h = x.size(3), n_w = x.size(4);
  const int64_t out_d = y.size(2), out_h = y.size(3), out_w = y.size(4);
  const int64_t *of_d = sources[0].data(), *of_h = sources[1].data(), *of_w = sources[2].data();
  const Run run = longest_run(sources[2]);
  const int64_t n_rows = y.size(0) * y.size(1) * out_d * out_h;
  parallel_for(exec, n_rows, std::max<int64_t>(1, kGrain / out_w), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t d = of_d[row / out_h % out_d];
      const int64_t h = of_h[row % out_h];
      T* out = y.data + row * out_w;
      if (d < 0 || h < 0) {
        std::fill_n(out, out_w, T(0));
        continue;
      }
      const T* in = x.data + ((row / (out_h * out_d) * n_d + d) * n_h + h) * n_w;
      const auto one_by_one = [&](int64_t begin, int64_t end) {
        for (int64_t w = begin; w < end; ++w) {
          const int64_t s = of_w[w];
          out[w] = s < 0 ? T(0) : in[s];
        }
      };
      one_by_one(0, run.begin);
      std::copy_n(in + run.source, run.end - run.begin, out + run.begin);
      one_by_one(run.end, out_w);
    }
  });
}

template <class T>
void backward(const Exec& exec, View5<const T> grad_y, const Lookup3d& lookup, View5<T> grad_x) {
  const Sources sources = sources_of(grad_x, lookup, grad_y);
  const int64_t n_d = grad_x.size(2), n_h = grad_x.size(3), n_w = grad_x.size(4);
  const int64_t out_d = grad_y.size(2), out_h = grad_y.size(3), out_w = grad_y.size(4);
  const auto d_of = outputs_of(sources[0], n_d), h_of = outputs_of(sources[1], n_h);
  const int64_t* of_w = sources[2].data();
  const Run run = longest_run(sources[2]);
  const int64_t n_rows = grad_x.size(0) * grad_x.size(1) * n_d * n_h;
  parallel_for(exec, n_rows, std::max<int64_t>(1, kGrain / n_w), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      T* gx = grad_x.data + row * n_w;
      for (int64_t d : d_of[static_cast<size_t>(row / n_h % n_d)]) {
        for (int64_t h : h_of[static_cast<size_t>(row % n_h)]) {
          const T* gy = grad_y.data + ((row / (n_h * n_d) * out_d + d) * out_h + h) * out_w;
          const auto one_by_one = [&](int64_t begin, int64_t end) {
            for (int64_t w = begin; w < end; ++w) {
              const int64_t s = of_w[w];
              if (s >= 0) gx[s] += gy[w];
            }
          };
          one_by_one(0, run.begin);
          for (int64_t w = run.begin; w < run.end; ++w) gx[run.source + w - run.begin] += gy[w];
          one_by_one(run.end, out_w);
        }
      }
    }
  });
}

template <class T>
constexpr Lookup3dImplementation<T> kReferenceOf{
    {kReference, "row by row, the inner run of each in one go"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const Lookup3dImplementation<float> lookup3d_reference_f32 = kReferenceOf<float>;
const Lookup3dImplementation<double> lookup3d_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
