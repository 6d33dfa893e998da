// conv3d by cuDNN, all three directions. Bias and activation are one pass over y; two tensors of channels are
// joined first, or split afterwards, and a gradient goes through the activation before cuDNN sees it
// (conv3d_elementwise.cu).
//
// `cudnn` takes the first algorithm of cuDNN's heuristic list that is deterministic and keeps to --precision:
// the same for the same geometry, library and device, whose list is asked for once (conv3d_cudnn_choice.h).
// `cudnn_gemm`, `cudnn_winograd` and `cudnn_fft` take the algorithm of that name, so that `primal tune` can
// measure it and a plan keep it; where the list does not have it, or not deterministic, they are `cudnn`.
// `cudnn_graph` goes forward by conv3d_cudnn_graph.cpp and back as `cudnn`, as it does where that has no
// kernel.
// Where the list has nothing at all, our kernels run under cuDNN's name: launches show which
// (conv3d_..._tiled or _direct).
#include "nn/conv3d/libraries/conv3d_cudnn.h"

#include <array>
#include <optional>
#include <vector>

#include "nn/conv3d/libraries/conv3d_cudnn_choice.h"
#include "tensor/backend.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/scratch.h"
#include "tensor/vendor/choice_cache.h"

namespace primal::cuda {
namespace {

constexpr float kOne = 1.0F, kZero = 0.0F;

// A descriptor that is made and destroyed by the API's functions.
template <class Handle>
class Descriptor {
 public:
  using Create = cudnnStatus_t (*)(Handle*);
  using Destroy = cudnnStatus_t (*)(Handle);
  Descriptor(Create create, Destroy destroy) : destroy_(destroy) {
    cudnn_check(create(&handle_), "make a descriptor");
  }
  ~Descriptor() { destroy_(handle_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator Handle() const { return handle_; }

 private:
  Handle handle_ = nullptr;
  Destroy destroy_;
};

template <class V>
std::vector<int> extents_of(const V& view, bool flat) {
  std::vector<int> extents;
  for (int axis = 0; axis < 5; ++axis) {
    if (flat && axis == 2) continue;
    extents.push_back(static_cast<int>(view.size(axis)));
  }
  return extents;
}

class TensorDescriptor : public Descriptor<cudnnTensorDescriptor_t> {
 public:
  explicit TensorDescriptor(const std::vector<int>& extents)
      : Descriptor(cudnn().cudnnCreateTensorDescriptor, cudnn().cudnnDestroyTensorDescriptor) {
    std::vector<int> strides(extents.size(), 1);
    for (size_t a = extents.size() - 1; a > 0; --a) strides[a - 1] = strides[a] * extents[a];
    cudnn_check(cudnn().cudnnSetTensorNdDescriptor(*this, CUDNN_DATA_FLOAT, static_cast<int>(extents.size()),
                                                   extents.data(), strides.data()),
                "describe a tensor");
  }
};

class FilterDescriptor : public Descriptor<cudnnFilterDescriptor_t> {
 public:
  explicit FilterDescriptor(const std::vector<int>& extents)
      : Descriptor(cudnn().cudnnCreateFilterDescriptor, cudnn().cudnnDestroyFilterDescriptor) {
    cudnn_check(cudnn().cudnnSetFilterNdDescriptor(*this, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW,
                                                   static_cast<int>(extents.size()), extents.data()),
                "describe a filter");
  }
};

cudnnMathType_t math_type() { return precision() == Precision::tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH; }

class ConvolutionDescriptor : public Descriptor<cudnnConvolutionDescriptor_t> {
 public:
  ConvolutionDescriptor(const Conv3dParams& params, bool flat)
      : Descriptor(cudnn().cudnnCreateConvolutionDescriptor, cudnn().cudnnDestroyConvolutionDescriptor) {
    std::vector<int> padding, stride, dilation;
    for (size_t a = flat ? 1 : 0; a < 3; ++a) {
      padding.push_back(static_cast<int>(params.padding[a]));
      stride.push_back(static_cast<int>(params.stride[a]));
      dilation.push_back(1);
    }
    cudnn_check(cudnn().cudnnSetConvolutionNdDescriptor(*this, static_cast<int>(padding.size()),
                                                        padding.data(), stride.data(), dilation.data(),
                                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                "describe a convolution");
    cudnn_check(cudnn().cudnnSetConvolutionMathType(*this, math_type()), "set the precision");
  }
};

template <class X, class W>
std::vector<int64_t> geometry_of(const X& x, const W& weight, const Conv3dParams& params) {
  std::vector<int64_t> numbers;
  for (int axis = 0; axis < 5; ++axis) {
    numbers.push_back(x.size(axis));
    numbers.push_back(weight.size(axis));
  }
  numbers.insert(numbers.end(), params.padding.begin(), params.padding.end());
  numbers.insert(numbers.end(), params.stride.begin(), params.stride.end());
  return numbers;
}

// The descriptors of one call: x and weight stand for the gradients of their shape too.
struct Call {
  std::vector<int64_t> geometry;  // extents of x and weight, padding, stride: y follows from them
  bool flat;
  TensorDescriptor x, y;
  FilterDescriptor weight;
  ConvolutionDescriptor convolution;

  template <class X, class W, class Y>
  Call(const X& x_view, const W& weight_view, const Y& y_view, const Conv3dParams& params)
      : geometry(geometry_of(x_view, weight_view, params)),
        flat(is_flat(x_view, weight_view, params)),
        x(extents_of(x_view, flat)),
        y(extents_of(y_view, flat)),
        weight(extents_of(weight_view, flat)),
        convolution(params, flat) {}
};

// cuDNN's algorithms by method, in each direction.
enum class Method { first, gemm, winograd, fft };

template <Method method>
struct Algorithms;
template <>
struct Algorithms<Method::gemm> {
  static constexpr auto forward = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
  static constexpr auto data = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
  static constexpr auto weights = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
};
template <>
struct Algorithms<Method::winograd> {
  static constexpr auto forward = CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED;
  static constexpr auto data = CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED;
  static constexpr auto weights = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED;
};
template <>
struct Algorithms<Method::fft> {
  static constexpr auto forward = CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING;
  static constexpr auto data = CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING;
  static constexpr auto weights = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING;
};
template <>
struct Algorithms<Method::first> : Algorithms<Method::gemm> {};  // looked at for their types alone

// Everything that cuDNN's list for a call depends on.
ChoiceKey key_of(const Exec& exec, const Call& call) {
  ChoiceKey key{exec.device.index, static_cast<int64_t>(precision())};
  key.insert(key.end(), call.geometry.begin(), call.geometry.end());
  return key;
}

// Runs one direction of `call`: `list(most, &n, found)` is cuDNN's list for it,
// `run(algorithm, workspace, bytes)` computes. False where the list has no algorithm that may and can run.
template <Method method, class Found, class Algorithm, class List, class Run>
bool run_algorithm(const Exec& exec, const char* what, const Call& call, Algorithm wanted, const List& list,
                   const Run& run) {
  static ChoiceCache<std::vector<Found>> cache;  // of this direction and method
  const ChoiceKey key = key_of(exec, call);
  const std::vector<Found> known = cache.get(key, [&] {
    constexpr int kMost = 16;
    std::vector<Found> found(kMost);
    int n = 0;
    const cudnnStatus_t status = list(kMost, &n, found.data());
    if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return std::vector<Found>();
    cudnn_check(status, what);
    found.resize(static_cast<size_t>(n));
    const std::optional<Algorithm> first =
        method == Method::first ? std::nullopt : std::optional<Algorithm>(wanted);
    return algorithms_to_try(found, first, [](const Found& f) {
      const bool precise = precision() == Precision::tf32 || f.mathType == CUDNN_FMA_MATH;
      return f.status == CUDNN_STATUS_SUCCESS && f.determinism == CUDNN_DETERMINISTIC && precise;
    });
  });
  std::vector<Found> order = known;
  const bool ran = run_first(order, [&](const Found& f) {
    // An entry of the list is for one math type, and its workspace too.
    cudnn_check(cudnn().cudnnSetConvolutionMathType(call.convolution, f.mathType), "set the precision");
    const Scratch<std::byte> workspace(exec, static_cast<int64_t>(f.memory));
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    unless_rehearsing([&] { status = run(f.algo, workspace.data(), f.memory); });
    if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return false;
    cudnn_check(status, what);
    return true;
  });
  if (order.size() != known.size()) cache.put(key, order);
  return ran;
}

template <class V>
Shape shape_of(const V& view) {
  return {view.size(0), view.size(1), view.size(2), view.size(3), view.size(4)};
}

// Our kernels for a geometry that cuDNN has no algorithm for.
template <class X, class W>
const Conv3dKernels<float>& ours(const X& x, const W& weight, const Conv3dParams& params) {
  const bool tiled = cpu::conv3d_blocked_supports({shape_of(x), shape_of(weight), params});
  return tiled ? conv3d_tiled.kernels : conv3d_direct.kernels;
}

// What cuDNN sees as one tensor: `given` itself, or scratch memory of the shape `extent`.
template <class T>
class Whole {
 public:
  Whole(const Exec& exec, View5<T> given, bool as_it_is, int64_t n_channels)
      : extent_{given.size(0), n_channels, given.size(2), given.size(3), given.size(4)},
        scratch_(exec, as_it_is ? 0 : numel()),
        view_(as_it_is ? given : View5<T>(scratch())) {}

  const View5<T>& view() const { return view_; }
  View5<float> scratch() const { return {scratch_.data(), extent_}; }

 private:
  int64_t numel() const { return View5<T>{nullptr, extent_}.numel(); }

  std::array<int64_t, 5> extent_;
  Scratch<float> scratch_;
  View5<T> view_;
};

template <class T>
bool is_one(const ChannelParts<T>& x) {
  return x.second.data == nullptr;
}

Whole<const float> joined(const Exec& exec, const ChannelParts<const float>& x) {
  Whole<const float> whole(exec, x.first, is_one(x), x.count());
  if (!is_one(x)) conv3d_elementwise.join(exec, x, whole.scratch());
  return whole;
}

// The gradient of the activation's input: grad_y itself if there is no activation, otherwise the tensor in
// `memory`.
struct Masked {
  std::shared_ptr<void> memory;
  View5<const float> view;
};

// If `there` is not null, it has the result of a previous call for the same grad_y.
Masked masked(const Exec& exec, const MaskedGradient<float>& grad_y,
              const std::shared_ptr<void>& there = nullptr) {
  if (grad_y.y == nullptr) return {nullptr, grad_y.grad};
  const size_t bytes = grad_y.grad.flat().size_bytes();
  const std::shared_ptr<void> memory =
      there != nullptr ? there : backend(exec.device).allocate(bytes, sizeof(float));
  const View5<float> grad_u{static_cast<float*>(memory.get()), grad_y.grad.extent};
  if (there == nullptr) conv3d_elementwise.mask(exec, grad_y, grad_u);
  return {memory, grad_u};
}

template <Method method>
void forward(const Exec& exec, const ChannelParts<const float>& channels, View5<const float> weight,
             View<const float, 1> bias, const Conv3dParams& params, float slope, View5<float> y) {
  const cudnnHandle_t handle = cudnn_handle(exec.device);
  const Whole<const float> whole = joined(exec, channels);
  const View5<const float>& x = whole.view();
  const Call call(x, weight, y, params);
  const bool ran = run_algorithm<method, cudnnConvolutionFwdAlgoPerf_t>(
      exec, "run conv3d forward", call, Algorithms<method>::forward,
      [&](int most, int* n, cudnnConvolutionFwdAlgoPerf_t* found) {
        return cudnn().cudnnGetConvolutionForwardAlgorithm_v7(handle, call.x, call.weight, call.convolution,
                                                              call.y, most, n, found);
      },
      [&](cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t bytes) {
        return cudnn().cudnnConvolutionForward(handle, &kOne, call.x, x.data, call.weight, weight.data,
                                               call.convolution, algorithm, workspace, bytes, &kZero, call.y,
                                               y.data);
      });
  if (!ran) ours(x, weight, params).forward(exec, {x}, weight, {}, params, 1.0f, y);
  conv3d_elementwise.finish(exec, bias, slope, y);
}

template <Method method>
void data_after_weights(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                        const Conv3dParams& params, bool add, const ChannelParts<float>& grad_x,
                        const Conv3dWeightParts<float>& left) {
  const cudnnHandle_t handle = cudnn_handle(exec.device);
  const Masked upstream = masked(exec, grad_y, left.memory);
  const View5<const float>& grad_u = upstream.view;
  const Whole<float> target(exec, grad_x.first, is_one(grad_x), grad_x.count());
  const View5<float>& whole = target.view();
  const bool add_to_whole = add && is_one(grad_x);
  const Call call(whole, weight, grad_u, params);
  const bool ran = run_algorithm<method, cudnnConvolutionBwdDataAlgoPerf_t>(
      exec, "run conv3d backward_data", call, Algorithms<method>::data,
      [&](int most, int* n, cudnnConvolutionBwdDataAlgoPerf_t* found) {
        return cudnn().cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, call.weight, call.y,
                                                                   call.convolution, call.x, most, n, found);
      },
      [&](cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, size_t bytes) {
        return cudnn().cudnnConvolutionBackwardData(handle, &kOne, call.weight, weight.data, call.y,
                                                    grad_u.data, call.convolution, algorithm, workspace,
                                                    bytes, add_to_whole ? &kOne : &kZero, call.x, whole.data);
      });
  if (!ran) {
    if (!add_to_whole) backend(exec.device).zero(whole.data, whole.flat().size_bytes());
    ours(whole, weight, params).backward_data(exec, {grad_u}, weight, params, true, {whole});
  }
  if (!is_one(grad_x)) conv3d_elementwise.split(exec, whole, add, grad_x);
}

template <Method method>
void backward_data(const Exec& exec, const MaskedGradient<float>& grad_y, View5<const float> weight,
                   const Conv3dParams& params, bool add, const ChannelParts<float>& grad_x) {
  data_after_weights<method>(exec, grad_y, weight, params, add, grad_x, {});
}

// Leaves the masked gradient to the next call, so that it is computed once for both gradients;
// there are no sums to add.
template <Method method>
Conv3dWeightParts<float> begin_weights(const Exec& exec, const ChannelParts<const float>& channels,
                                       const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                                       View5<float> grad_weight, View<float, 1> grad_bias) {
  const cudnnHandle_t handle = cudnn_handle(exec.device);
  const Masked upstream = masked(exec, grad_y);
  const View5<const float>& grad_u = upstream.view;
  Conv3dWeightParts<float> left;
  left.memory = upstream.memory;
  if (grad_bias.data != nullptr) {
    const TensorDescriptor of_y(extents_of(grad_u, false)),
        of_bias({1, static_cast<int>(grad_bias.size(0)), 1, 1, 1});
    cudnn_compute("sum the gradient of the bias", [&] {
      return cudnn().cudnnConvolutionBackwardBias(handle, &kOne, of_y, grad_u.data, &kOne, of_bias,
                                                  grad_bias.data);
    });
  }
  if (grad_weight.data == nullptr) return left;
  const Whole<const float> whole = joined(exec, channels);
  const View5<const float>& x = whole.view();
  const Call call(x, grad_weight, grad_u, params);
  const bool ran = run_algorithm<method, cudnnConvolutionBwdFilterAlgoPerf_t>(
      exec, "run conv3d backward_weights", call, Algorithms<method>::weights,
      [&](int most, int* n, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
        return cudnn().cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, call.x, call.y, call.convolution,
                                                                     call.weight, most, n, found);
      },
      [&](cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace, size_t bytes) {
        return cudnn().cudnnConvolutionBackwardFilter(handle, &kOne, call.x, x.data, call.y, grad_u.data,
                                                      call.convolution, algorithm, workspace, bytes, &kOne,
                                                      call.weight, grad_weight.data);
      });
  if (!ran) ours(x, grad_weight, params).backward_weights(exec, {x}, {grad_u}, params, grad_weight, {});
  return left;
}

template <Method method>
void backward_weights(const Exec& exec, const ChannelParts<const float>& channels,
                      const MaskedGradient<float>& grad_y, const Conv3dParams& params,
                      View5<float> grad_weight, View<float, 1> grad_bias) {
  begin_weights<method>(exec, channels, grad_y, params, grad_weight, grad_bias);
}

void forward_by_graph(const Exec& exec, const ChannelParts<const float>& x, View5<const float> weight,
                      View<const float, 1> bias, const Conv3dParams& params, float slope, View5<float> y) {
  if (!conv3d_forward_by_graph(exec, x, weight, bias, params, slope, y))
    forward<Method::first>(exec, x, weight, bias, params, slope, y);
}

bool supports(const Conv3dGeometry& g) { return conv3d_fits_int(g) && has_cudnn(); }

constexpr ImplementationInfo info(const char* name, const char* idea) {
  return {.name = name, .idea = idea, .device = Device::Kind::cuda, .tolerance_factor = 5.0};
}

template <Method method>
constexpr Conv3dKernels<float> kKernels{forward<method>,          backward_data<method>,
                                        backward_weights<method>, true,
                                        begin_weights<method>,    data_after_weights<method>};

}  // namespace

const Conv3dImplementation<float> conv3d_cudnn{
    info("cudnn", "NVIDIA's library, its first deterministic algorithm; ours where it has none"), supports,
    kKernels<Method::first>};
// By name or plan: the same library with one of its algorithms.
const Conv3dImplementation<float> conv3d_cudnn_gemm{
    info("cudnn_gemm", "a matrix product, patches gathered as it goes"), supports, kKernels<Method::gemm>};
const Conv3dImplementation<float> conv3d_cudnn_winograd{
    info("cudnn_winograd", "Winograd's transforms in passes of their own"), supports,
    kKernels<Method::winograd>};
const Conv3dImplementation<float> conv3d_cudnn_fft{info("cudnn_fft", "Fourier transforms of tiles"), supports,
                                                   kKernels<Method::fft>};
const Conv3dImplementation<float> conv3d_cudnn_graph{
    info("cudnn_graph", "convolution, bias and activation in one kernel, channels last"),
    supports,
    {forward_by_graph, backward_data<Method::first>, backward_weights<Method::first>, true,
     begin_weights<Method::first>, data_after_weights<Method::first>}};

}  // namespace primal::cuda
