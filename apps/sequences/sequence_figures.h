// Figures of a sequence: its maps, and frames beside slices through time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/figure/figure.h"
#include "tensor/tensor.h"

namespace primal {

// Lambda_xy and Lambda_t, [2,H,W,T], of a map [1,3,H,W,T] whose channels are x, y and t.
Tensor maps_of(const Tensor& lambda);

// Both maps at frame t, on logarithmic scales.
Figure map_figure(const Tensor& lambda, int64_t t);

// A sequence [1,1,H,W,T] under a name: "noisy 20.31 dB".
struct ShownSequence {
  std::string title;
  Tensor frames;
};

// The first row shows one frame of each sequence, the second its middle row of pixels over time, which runs
// downwards; then both maps in the same two ways. `lambda` may be undefined.
Figure sequence_figure(const std::vector<ShownSequence>& shown, const Tensor& lambda, int64_t t);

// The frames of all sequences side by side in grey, each pixel enlarged to zoom x zoom, as an animated PNG.
std::vector<uint8_t> sequence_film(const std::vector<ShownSequence>& shown, int64_t zoom, int delay_ms = 150);

}  // namespace primal
