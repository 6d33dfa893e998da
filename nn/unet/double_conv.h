// DoubleConv: twice a convolution followed by LeakyReLU, what a U-Net does at each of its levels.
//
//   y = leaky_relu(conv(leaky_relu(conv(x))))        conv: kernel with odd extents, padding kernel/2, bias
//
// Shapes: x [N,in,D,H,W] -> y [N,out,D,H,W].
// Names:  conv_block.0 and conv_block.2 (1 and 3 are the activations).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"
#include "nn/module.h"
#include "tensor/range.h"

namespace primal {

class DoubleConv : public Module {
 public:
  DoubleConv(Initialiser& init, int64_t in, int64_t out, const std::array<int64_t, 3>& kernel, double slope)
      : slope_(slope),
        first_(init, in, out, kernel, same_size(kernel)),
        second_(init, out, out, kernel, same_size(kernel)) {
    register_module("conv_block.0", first_);
    register_module("conv_block.2", second_);
  }
  Variable forward(const Variable& x) const { return forward(std::vector<Variable>{x}); }
  // The same for several tensors, side by side along the channels.
  Variable forward(std::vector<Variable> xs) const {
    const LayerName layer(name());
    const Variable between = conv3d_leaky_relu(xs, first_, slope_);
    xs.clear();  // without a tape they die here
    return conv3d_leaky_relu({between}, second_, slope_);
  }

 private:
  static Conv3dParams same_size(const std::array<int64_t, 3>& kernel) {
    return {.padding = {kernel[0] / 2, kernel[1] / 2, kernel[2] / 2}};
  }

  double slope_;
  Conv3d first_, second_;
};

}  // namespace primal
