// conv3d, the reference: the sums of conv3d.h as plain loops. One task makes one row (or one kernel) of the
// result. The innermost loop runs along w', contiguous in memory for stride 1, so that the compiler can
// vectorise it.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"

namespace primal::cpu {
namespace {

// The outputs [begin, end) whose tap k falls inside an input of `extent`: 0 <= out * stride + k - padding <
// extent.
struct Interval {
  int64_t begin, end;
};
Interval outputs_inside(int64_t n_out, int64_t extent, int64_t k, int64_t stride, int64_t padding) {
  const int64_t before = padding - k;        // out * stride >= before
  const int64_t last = extent - 1 + before;  // out * stride <= last
  const int64_t begin = before > 0 ? (before + stride - 1) / stride : 0;
  const int64_t end = last < 0 ? 0 : std::min(n_out, last / stride + 1);
  return {begin, std::max(begin, end)};
}

// The output that sees input `in` through tap k, or -1: out * stride + k - padding = in.
int64_t output_seeing(int64_t in, int64_t n_out, int64_t k, int64_t stride, int64_t padding) {
  const int64_t scaled = in + padding - k;
  if (scaled < 0 || scaled % stride != 0 || scaled / stride >= n_out) return -1;
  return scaled / stride;
}

bool inside(int64_t index, int64_t extent) { return index >= 0 && index < extent; }

template <class T>
void forward(const Exec& exec, const ChannelParts<const T>& parts, View5<const T> weight,
             View<const T, 1> bias, const Conv3dParams& params, T, View5<T> y) {
  const View5<const T>& x = parts.first;
  const int64_t n_o = y.size(1), od = y.size(2), oh = y.size(3), ow = y.size(4);  // y [N,O,D',H',W']
  const int64_t n_c = x.size(1), d = x.size(2), h = x.size(3), w = x.size(4);     // x [N,C,D,H,W]
  const int64_t kd = weight.size(2), kh = weight.size(3), kw = weight.size(4);    // weight [O,C,kd,kh,kw]
  const int64_t sd = params.stride[0], sh = params.stride[1], sw = params.stride[2];
  const int64_t pd = params.padding[0], ph = params.padding[1], pw = params.padding[2];
  parallel_for(exec, y.size(0) * n_o * od * oh, oh, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {  // y[n,o,a,b,:]
      const int64_t b = row % oh, a = row / oh % od, o = row / (oh * od) % n_o, n = row / (oh * od * n_o);
      T* to = y.data + row * ow;
      std::fill(to, to + ow, bias.data != nullptr ? bias.data[o] : T(0));
      for (int64_t c = 0; c < n_c; ++c) {
        for (int64_t i = 0; i < kd; ++i) {
          if (!inside(a * sd + i - pd, d)) continue;
          for (int64_t j = 0; j < kh; ++j) {
            if (!inside(b * sh + j - ph, h)) continue;
            const T* from = x.data + x.offset(n, c, a * sd + i - pd, b * sh + j - ph, 0);
            for (int64_t k = 0; k < kw; ++k) {
              const T factor = weight(o, c, i, j, k);
              const auto [first, last] = outputs_inside(ow, w, k, sw, pw);
              const T* tap = from + k - pw;
              if (sw == 1) {
                for (int64_t e = first; e < last; ++e) to[e] += factor * tap[e];
              } else {
                for (int64_t e = first; e < last; ++e) to[e] += factor * tap[e * sw];
              }
            }
          }
        }
      }
    }
  });
}

template <class T>
void backward_data(const Exec& exec, const MaskedGradient<T>& upstream, View5<const T> weight,
                   const Conv3dParams& params, bool, const ChannelParts<T>& parts) {
  const View5<const T>& grad_y = upstream.grad;
  const View5<T>& grad_x = parts.first;
  const int64_t n_c = grad_x.size(1), d = grad_x.size(2), h = grad_x.size(3), w = grad_x.size(4);
  const int64_t n_o = grad_y.size(1), od = grad_y.size(2), oh = grad_y.size(3), ow = grad_y.size(4);
  const int64_t kd = weight.size(2), kh = weight.size(3), kw = weight.size(4);
  const int64_t sd = params.stride[0], sh = params.stride[1], sw = params.stride[2];
  const int64_t pd = params.padding[0], ph = params.padding[1], pw = params.padding[2];
  parallel_for(exec, grad_x.size(0) * n_c * d * h, h, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {  // grad_x[n,c,a,b,:]
      const int64_t b = row % h, a = row / h % d, c = row / (h * d) % n_c, n = row / (h * d * n_c);
      T* to = grad_x.data + row * w;
      for (int64_t o = 0; o < n_o; ++o) {
        for (int64_t i = 0; i < kd; ++i) {
          const int64_t out_a = output_seeing(a, od, i, sd, pd);
          if (out_a < 0) continue;
          for (int64_t j = 0; j < kh; ++j) {
            const int64_t out_b = output_seeing(b, oh, j, sh, ph);
            if (out_b < 0) continue;
            const T* from = grad_y.data + grad_y.offset(n, o, out_a, out_b, 0);
            for (int64_t k = 0; k < kw; ++k) {
              const T factor = weight(o, c, i, j, k);
              const auto [first, last] = outputs_inside(ow, w, k, sw, pw);
              T* tap = to + k - pw;
              if (sw == 1) {
                for (int64_t e = first; e < last; ++e) tap[e] += factor * from[e];
              } else {
                for (int64_t e = first; e < last; ++e) tap[e * sw] += factor * from[e];
              }
            }
          }
        }
      }
    }
  });
}

template <class T>
void backward_weights(const Exec& exec, const ChannelParts<const T>& parts, const MaskedGradient<T>& upstream,
                      const Conv3dParams& params, View5<T> grad_weight, View<T, 1> grad_bias) {
  const View5<const T>& x = parts.first;
  const View5<const T>& grad_y = upstream.grad;
  const int64_t n_n = grad_y.size(0), n_o = grad_y.size(1), od = grad_y.size(2), oh = grad_y.size(3),
                ow = grad_y.size(4);
  const int64_t n_c = x.size(1), d = x.size(2), h = x.size(3), w = x.size(4);
  const int64_t sd = params.stride[0], sh = params.stride[1], sw = params.stride[2];
  const int64_t pd = params.padding[0], ph = params.padding[1], pw = params.padding[2];
  if (grad_weight.data != nullptr) {
    const int64_t kd = grad_weight.size(2), kh = grad_weight.size(3), kw = grad_weight.size(4);
    parallel_for(exec, grad_weight.numel(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; ++at) {  // grad_weight[o,c,i,j,k]
        const int64_t k = at % kw, j = at / kw % kh, i = at / (kw * kh) % kd;
        const int64_t c = at / (kw * kh * kd) % n_c, o = at / (kw * kh * kd * n_c);
        const auto [first_a, last_a] = outputs_inside(od, d, i, sd, pd);
        const auto [first_b, last_b] = outputs_inside(oh, h, j, sh, ph);
        const Interval row = outputs_inside(ow, w, k, sw, pw);
        const int64_t first = row.begin, last = row.end;  // plain: omp simd in clang 14 takes no bindings
        double sum = 0.0;                                 // of rows: long float sums would lose digits
        for (int64_t n = 0; n < n_n; ++n) {
          for (int64_t a = first_a; a < last_a; ++a) {
            for (int64_t b = first_b; b < last_b; ++b) {
              const T* gy = grad_y.data + grad_y.offset(n, o, a, b, 0);
              const T* tap = x.data + x.offset(n, c, a * sd + i - pd, b * sh + j - ph, 0) + k - pw;
              T dot = 0;
              if (sw == 1) {
#pragma omp simd reduction(+ : dot)
                for (int64_t e = first; e < last; ++e) dot += gy[e] * tap[e];
              } else {
                for (int64_t e = first; e < last; ++e) dot += gy[e] * tap[e * sw];
              }
              sum += dot;
            }
          }
        }
        grad_weight.data[at] += static_cast<T>(sum);
      }
    });
  }
  if (grad_bias.data != nullptr) {
    const int64_t volume = od * oh * ow;
    parallel_for(exec, n_o, 1, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        double sum = 0.0;
        for (int64_t n = 0; n < n_n; ++n) {
          const T* gy = grad_y.data + (n * n_o + o) * volume;
          for (int64_t e = 0; e < volume; ++e) sum += gy[e];
        }
        grad_bias.data[o] += static_cast<T>(sum);
      }
    });
  }
}

bool anything(const Conv3dGeometry&) { return true; }

template <class T>
constexpr Conv3dImplementation<T> kReferenceOf{
    {kReference, "one row of y at a time, taps outside, pixels inside"},
    anything,
    {forward<T>, backward_data<T>, backward_weights<T>, false}};

}  // namespace

const Conv3dImplementation<float> conv3d_reference_f32 = kReferenceOf<float>;
const Conv3dImplementation<double> conv3d_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
