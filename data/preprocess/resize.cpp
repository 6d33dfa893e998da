// The resize of preprocess.h. One axis is described once (which taps, which weights), then applied to every
// line.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int kFractionBits = 22;

// Evaluated in Pillow's order: a weight that lies near the middle between two fixed-point values must round
// as there.
double cubic(double t) {
  t = std::abs(t);
  if (t < 1.0) return (1.5 * t - 2.5) * t * t + 1.0;
  if (t < 2.0) return (((t - 5.0) * t + 8.0) * t - 4.0) * -0.5;
  return 0.0;
}

// The taps of every output sample along one axis; Weight is int32_t (22 fractional bits) or double.
template <class Weight>
struct Axis {
  std::vector<int64_t> first;   // [n_out] first tap
  std::vector<int64_t> n_taps;  // [n_out]
  std::vector<Weight> weight;   // [n_out, max_taps]
  int64_t max_taps = 0;
};

template <class Weight>
Axis<Weight> make_axis(int64_t n_in, int64_t n_out) {
  const double r = static_cast<double>(n_in) / static_cast<double>(n_out);
  const double f = std::max(r, 1.0);
  const double support = 2.0 * f;
  Axis<Weight> axis;
  axis.max_taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  axis.weight.assign(static_cast<size_t>(n_out * axis.max_taps), Weight{});
  std::vector<double> taps(static_cast<size_t>(axis.max_taps));
  double* const k = taps.data();
  for (int64_t i = 0; i < n_out; ++i) {
    const double c = (static_cast<double>(i) + 0.5) * r;
    const int64_t begin = std::max<int64_t>(static_cast<int64_t>(c - support + 0.5), 0);
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(c + support + 0.5), n_in);
    double sum = 0.0;
    for (int64_t j = begin; j < end; ++j) {
      k[j - begin] = cubic((static_cast<double>(j) - c + 0.5) * (1.0 / f));
      sum += k[j - begin];
    }
    Weight* weight = axis.weight.data() + i * axis.max_taps;
    for (int64_t j = 0; j < end - begin; ++j) {
      const double normalised = k[j] / sum;
      if constexpr (std::is_same_v<Weight, double>) {
        weight[j] = normalised;
      } else {
        weight[j] =
            static_cast<Weight>(std::round(normalised * (1 << kFractionBits)));  // half away from zero
      }
    }
    axis.first.push_back(begin);
    axis.n_taps.push_back(end - begin);
  }
  return axis;
}

// Both passes share these loops. Sample is what lies between the passes: uint16_t for 8-bit pictures, double
// for 16-bit.
int32_t start(int32_t) { return 1 << (kFractionBits - 1); }
double start(double) { return 0.0; }
void store(int32_t sum, uint16_t& y) { y = static_cast<uint16_t>(std::clamp(sum >> kFractionBits, 0, 255)); }
void store(double sum, double& y) { y = sum; }

// x [h, w_in, c] -> y [h, w_out, c]
template <class Weight, class In, class Out>
void resize_rows(const Axis<Weight>& axis, const In* x, int64_t h, int64_t w_in, int64_t c, Out* y,
                 int64_t w_out) {
  const int64_t *first = axis.first.data(), *n_taps = axis.n_taps.data();
  for (int64_t row = 0; row < h; ++row) {
    const In* in = x + row * w_in * c;
    Out* out = y + row * w_out * c;
    for (int64_t i = 0; i < w_out; ++i) {
      const Weight* k = axis.weight.data() + i * axis.max_taps;
      const In* taps = in + first[i] * c;
      for (int64_t channel = 0; channel < c; ++channel) {
        Weight sum = start(Weight{});
        for (int64_t j = 0; j < n_taps[i]; ++j) sum += k[j] * static_cast<Weight>(taps[j * c + channel]);
        store(sum, out[i * c + channel]);
      }
    }
  }
}

// x [h_in, n] -> y [h_out, n], n samples a row: row after row, so that the inner loop runs along memory.
template <class Weight, class In, class Out>
void resize_columns(const Axis<Weight>& axis, const In* x, int64_t n, Out* y, int64_t h_out) {
  const int64_t *first = axis.first.data(), *n_taps = axis.n_taps.data();
  std::vector<Weight> row(static_cast<size_t>(n));
  Weight* const sum = row.data();
  for (int64_t i = 0; i < h_out; ++i) {
    std::fill_n(sum, n, start(Weight{}));
    const Weight* k = axis.weight.data() + i * axis.max_taps;
    for (int64_t j = 0; j < n_taps[i]; ++j) {
      const In* in = x + (first[i] + j) * n;
      for (int64_t s = 0; s < n; ++s) sum[s] += k[j] * static_cast<Weight>(in[s]);
    }
    for (int64_t s = 0; s < n; ++s) store(sum[s], y[i * n + s]);
  }
}

template <class Weight, class Sample>
std::vector<Sample> resize(const Image& image, int64_t width, int64_t height) {
  const int64_t c = image.channels;
  std::vector<Sample> between(static_cast<size_t>(image.height * width * c));  // [h_in, w_out, c]
  resize_rows(make_axis<Weight>(image.width, width), image.levels.data(), image.height, image.width, c,
              between.data(), width);
  std::vector<Sample> out(static_cast<size_t>(height * width * c));  // [h_out, w_out, c]
  resize_columns(make_axis<Weight>(image.height, height), between.data(), width * c, out.data(), height);
  return out;
}

}  // namespace

Image resize_bicubic(const Image& image, int64_t width, int64_t height) {
  Image out(width, height, image.channels, image.bit_depth);
  if (image.bit_depth == 8) {
    out.levels = resize<int32_t, uint16_t>(image, width, height);
  } else {
    const std::vector<double> levels = resize<double, double>(image, width, height);
    std::transform(levels.begin(), levels.end(), out.levels.begin(), [](double level) {
      return static_cast<uint16_t>(std::clamp(std::floor(level + 0.5), 0.0, 65535.0));
    });
  }
  return out;
}

}  // namespace primal
