// Noise whose level and random stream are numbers in memory, not arguments: for a step that is recorded once
// and repeated with other draws (tensor/device_graph.h). Equations and bits are those of noise.h.
//
//   noise_draw(s, key)                     f64 [1,5] on the CPU: s and the stream that
//                                          add_noise(x, kind, s, key) takes
//   add_drawn_noise(x, kind, draws)        z, picture n of x [N,..] with the draw n of [N,5], as
//                                          it is when the kernels run
//
// Devices: draws live where x does. f32 on devices other than the CPU. It takes three launches for a picture
//          with relative noise, and one for a picture with absolute noise.
// Errors:  ShapeError for draws of another shape or type, DeviceError where they are not where x is;
//          ConfigError as add_noise for a level that is negative or infinite.
#pragma once

#include "data/noise/noise.h"

namespace primal {

Tensor noise_draw(double s, const NoiseKey& key);
Tensor add_drawn_noise(const Tensor& x, NoiseKind kind, const Tensor& draws);

}  // namespace primal
