// linear's three products by cuBLASLt, which adds the bias as it writes y. The gradient of the
// bias is our own kernel's.
#include "nn/linear/linear_kernels.h"
#include "tensor/vendor/cublaslt_api.h"

namespace primal::cuda {
namespace {

void forward(const Exec& exec, View<const float, 2> x, View<const float, 2> weight,
             std::span<const float> bias, View<float, 2> y) {
  multiply(exec, {.m = y.size(0),
                  .n = y.size(1),
                  .k = x.size(1),
                  .a = x.data,
                  .b = weight.data,
                  .c = y.data,
                  .bias = bias.empty() ? nullptr : bias.data(),
                  .transpose_b = true});
}

void backward_data(const Exec& exec, View<const float, 2> grad_y, View<const float, 2> weight,
                   View<float, 2> grad_x) {
  multiply(exec, {.m = grad_x.size(0),
                  .n = grad_x.size(1),
                  .k = grad_y.size(1),
                  .a = grad_y.data,
                  .b = weight.data,
                  .c = grad_x.data,
                  .add = true});
}

void backward_weights(const Exec& exec, View<const float, 2> x, View<const float, 2> grad_y,
                      View<float, 2> grad_weight, std::span<float> grad_bias) {
  if (!grad_bias.empty()) linear_tiled.kernels.backward_weights(exec, {}, grad_y, {}, grad_bias);
  if (grad_weight.data == nullptr) return;
  multiply(exec, {.m = grad_weight.size(0),
                  .n = grad_weight.size(1),
                  .k = x.size(0),
                  .a = grad_y.data,
                  .b = x.data,
                  .c = grad_weight.data,
                  .transpose_a = true,
                  .add = true});
}

bool supports(const LinearGeometry& g) { return g.n > 0 && g.c > 0 && g.o > 0 && has_cublaslt(); }

}  // namespace

const LinearImplementation<float> linear_cublaslt{
    {"cublaslt", "NVIDIA's library, the bias added as y is written", Device::Kind::cuda},
    supports,
    {forward, backward_data, backward_weights}};

}  // namespace primal::cuda
