// The golden op `kofler_dynamic`: a run of the published dynamic-denoising network (nn/dynamic_tv), recorded
// with the original code in float32. A case has frames and results; the weights are a file beside it, so its
// description lives here, where files are read.
#pragma once

#include "tensor/op/op.h"

namespace primal {

// Input noisy [N,1,X,Y,T]; attrs T, L, up_bound, pad_xy, pad_t, p0, phase; outputs lambda [N,3,X,Y,T],
// denoised [N,1,X,Y,T]. The weights are kofler_dynamic_denoising.safetensors in the case's folder (IoError
// where it is missing). A generated case has no folder: its weights are fresh, of attrs `filters` and
// `stages`, multiplied by `gain`.
// Allowed: 1e-4, lambda also against its spread, in f64 too: the recorded run is no better than float32.
OpInfo kofler_dynamic_info();

}  // namespace primal
