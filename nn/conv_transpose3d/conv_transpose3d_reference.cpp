// conv_transpose3d, the reference: conv3d's reference read backwards. weight [C,O,kd,kh,kw] is the weight of
// the conv3d that maps y's O channels to x's C, so each kernel here is one of conv3d's with x and y
// exchanged.
#include <algorithm>

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv_transpose3d/conv_transpose3d_kernels.h"
#include "tensor/scratch.h"

namespace primal::cpu {
namespace {

template <class T>
void forward(const Exec& exec, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
             const ConvTranspose3dParams& params, View5<T> y) {
  const int64_t n_o = y.size(1), volume = y.size(2) * y.size(3) * y.size(4);  // y [N,O,D',H',W']
  parallel_for(exec, y.size(0) * n_o, 1, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      T* to = y.data + at * volume;
      std::fill(to, to + volume, bias.data != nullptr ? bias.data[at % n_o] : T(0));
    }
  });
  conv3d_reference<T>().kernels.backward_data(exec, {x}, weight, transposed(params), true, {y});
}

template <class T>
void backward_data(const Exec& exec, View5<const T> grad_y, View5<const T> weight,
                   const ConvTranspose3dParams& params, View5<T> grad_x) {
  const int64_t n = grad_x.numel();  // grad_x [N,C,D,H,W]
  const Scratch<T> scratch(exec, n);
  const View5<T> product{scratch.data(), grad_x.extent};
  // Which overwrites; here we add.
  conv3d_reference<T>().kernels.forward(exec, {grad_y}, weight, {}, transposed(params), T(1), product);
  parallel_for(exec, n, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) grad_x.data[i] += product.data[i];
  });
}

template <class T>
void backward_weights(const Exec& exec, View5<const T> x, View5<const T> grad_y,
                      const ConvTranspose3dParams& params, View5<T> grad_weight, View<T, 1> grad_bias) {
  if (grad_weight.data != nullptr) {
    conv3d_reference<T>().kernels.backward_weights(exec, {grad_y}, {x}, transposed(params), grad_weight, {});
  }
  if (grad_bias.data != nullptr) {
    // conv3d's gradient of a bias is the sum over its upstream gradient: here that of y.
    conv3d_reference<T>().kernels.backward_weights(exec, {}, {grad_y}, transposed(params), {}, grad_bias);
  }
}

bool anything(const ConvTranspose3dGeometry&) { return true; }

template <class T>
constexpr ConvTranspose3dImplementation<T> kReferenceOf{
    {kReference, "conv3d's reference with x and y exchanged"},
    anything,
    {forward<T>, backward_data<T>, backward_weights<T>}};

}  // namespace

const ConvTranspose3dImplementation<float> conv_transpose3d_reference_f32 = kReferenceOf<float>;
const ConvTranspose3dImplementation<double> conv_transpose3d_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
