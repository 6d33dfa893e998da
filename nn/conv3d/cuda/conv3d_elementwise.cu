// What goes around a library's convolution, which sees one tensor and no activation, so that with it the
// whole is as fused as can be (conv3d_kernels.h). Memory is what limits: each kernel reads and writes each
// element once. The grid is that of volumes.h: a thread has a pixel and goes through channels, so that
// neither the channel nor its bias costs a division.
#include "nn/conv3d/cuda/conv3d_channel_parts.h"
#include "nn/conv3d/cuda/conv3d_helpers.h"
#include "tensor/simt/volumes.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kPerThread = 4;  // channels

// The [D,H,W] of a [N,C,D,H,W] tensor.
struct Volumes {
  int64_t n, c, size;

  int64_t count() const { return n * c; }
};

template <class T>
Volumes volumes_of(const ChannelParts<T>& x) {
  const View5<T>& first = x.first;
  return {first.size(0), x.count(), first.size(2) * first.size(3) * first.size(4)};
}

// Calls use(image, channel, element) for the elements of this thread; `element` counts through all channels.
template <class Use>
__device__ void for_each_element(const Volumes& volumes, const Use& use) {
  const int64_t cell = cell_of_thread();
  if (cell >= volumes.size) return;
  for (int64_t v = blockIdx.y; v < volumes.n * volumes.c; v += gridDim.y)
    use(v / volumes.c, v % volumes.c, v * volumes.size + cell);
}

__global__ void join_kernel(GlobalChannelParts<const float> x, Volumes volumes, Global<float> whole) {
  for_each_element(volumes, [&](int64_t image, int64_t c, int64_t i) {
    const ChannelRange<const float> range = x.of(c);
    whole[i] = range.data[range.at(image, c, volumes.size) + cell_of_thread()];
  });
}

__global__ void split_kernel(Global<const float> whole, Volumes volumes, bool add,
                             GlobalChannelParts<float> x) {
  for_each_element(volumes, [&](int64_t image, int64_t c, int64_t i) {
    const ChannelRange<float> range = x.of(c);
    const int64_t at = range.at(image, c, volumes.size) + cell_of_thread();
    const float before = add ? float(range.data[at]) : 0.0f;
    range.data[at] = before + whole[i];
  });
}

__global__ void mask_kernel(Global<const float> grad_y, Mask mask, Volumes volumes, Global<float> grad_u) {
  for_each_element(volumes, [&](int64_t, int64_t, int64_t i) { grad_u[i] = mask.of(i, grad_y[i]); });
}

__global__ void finish_kernel(Global<const float> bias, bool has_bias, float slope, Volumes volumes,
                              Global<float> y) {
  for_each_element(volumes, [&](int64_t, int64_t o, int64_t i) {
    const float start = has_bias ? bias[o] : 0.0f;
    y[i] = leaky_relu(start + y[i], slope);
  });
}

// Launches a kernel over all elements of x.
template <class... Params, class... Args>
void over(const Exec& exec, const char* name, const Volumes& volumes, void (*kernel)(Params...),
          Args&&... args) {
  if (volumes.count() * volumes.size == 0) return;
  launch(
      exec,
      {.name = name, .grid = volume_grid(volumes.size, volumes.count(), kPerThread), .block = kVolumeThreads},
      kernel, std::forward<Args>(args)...);
}

void join(const Exec& exec, const ChannelParts<const float>& x, View5<float> whole) {
  const Volumes volumes = volumes_of(x);
  over(exec, "conv3d_join", volumes, join_kernel, global(x), volumes, global(whole).data);
}

void split(const Exec& exec, View5<const float> whole, bool add, const ChannelParts<float>& x) {
  const Volumes volumes = volumes_of(x);
  over(exec, "conv3d_split", volumes, split_kernel, global(whole).data, volumes, add, global(x));
}

void mask(const Exec& exec, const MaskedGradient<float>& grad_y, View5<float> grad_u) {
  const Volumes volumes = volumes_of(ChannelParts<const float>{grad_y.grad});
  over(exec, "conv3d_mask", volumes, mask_kernel, global(grad_y.grad).data, mask_of(grad_y), volumes,
       global(grad_u).data);
}

void finish(const Exec& exec, View<const float, 1> bias, float slope, View5<float> y) {
  const bool has_bias = bias.data != nullptr;
  if (!has_bias && slope == 1.0f) return;
  const Volumes volumes = volumes_of(ChannelParts<float>{y});
  over(exec, "conv3d_finish", volumes, finish_kernel, global(bias).data, has_bias, slope, volumes,
       global(y).data);
}

}  // namespace

const Conv3dElementwise conv3d_elementwise = {join, split, mask, finish};

}  // namespace primal::PRIMAL_SIMT
