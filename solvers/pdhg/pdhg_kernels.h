// Signatures of the PDHG kernels; equations in pdhg.h.
//
// Gradients of the steps, where asked for, from the tape of x and one more plane r that runs backward with
// p's adjoint. With x^0 = x_bar^0 = z and x_bar^k = x^k + theta (x^k - x^(k-1)), iteration k contributes
//
//   theta^ += <ab, x^(k+1) - x^k>
//   tau^   += <c, x^(k+1) - x^k> / tau                              since x+ - x = -tau (p+ + G' q+)
//   sigma^ += <av, G x_bar^k> + <r - r_next, x_bar^k - z> / (1 + sigma),      r = (bp + r_next) / (1 + sigma)
//
// and sigma^ -= <r, p^0> / (1 + sigma) after the first iteration. The plane r replaces a tape of p: p+ is a
// first-order filter of x_bar - z, and r is the transposed filter of bp.
#pragma once

#include <array>
#include <string>

#include "solvers/broadcast.h"
#include "solvers/pdhg/pdhg_params.h"
#include "solvers/pdhg/pdhg_tape.h"
#include "tensor/cost.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct PdhgProblem {
  View5<const T> z;       // [N|1,1,D,H,W]
  View5<const T> lambda;  // [N,A,D,H,W], any extent 1 where it is shared
  // sigma, tau, theta in the memory of a device. CPU kernels take those of PdhgParams, whose
  // values count only there.
  const T* steps = nullptr;
};

// The state of N problems.
template <class T>
struct PdhgFields {
  View5<T> x, x_bar, p;  // [N,1,D,H,W]
  View5<T> q;            // [N,A,D,H,W]
  // True: they hold nothing yet, and the iterations begin at the start that PdhgParams asks for, which only
  // kernels with PdhgKernels::starts can do.
  bool unset = false;
};

// Sums over all problems.
struct PdhgStepGradients {
  double sigma = 0.0, tau = 0.0, theta = 0.0;
};

template <class T>
struct PdhgGradients {
  View5<T> z;                          // [N,1,D,H,W]; no data: not wanted
  View5<T> lambda;                     // [N,A,D,H,W] or [N,1,D,H,W], where the axes share lambda
  PdhgStepGradients* steps = nullptr;  // on the CPU; needs the tape of x
  // On a device: the gradients of sigma, tau and theta, null where not wanted. Any of them needs the tape of
  // x.
  std::array<T*, 3> device_steps{};
  // False: the gradients are overwritten, which only kernels with PdhgKernels::overwrites can do.
  bool add_lambda = true, add_steps = true;
};

// What a choice of implementation depends on.
struct PdhgGeometry {
  Shape x;  // [N,1,D,H,W]
  Axes axes;
};

// Whether a batch has more pixels than two pictures of 256x256, which is when a cluster of blocks for each
// picture is predicted to be faster than tiles that all multiprocessors share (docs/pdhg-on-the-gpu.md).
inline bool is_large_batch(const PdhgGeometry& g) {
  return g.x[0] * g.x[2] >= 2 && g.x.numel() > 2 * 256 * 256;
}

// "n1 d1 h256 w256 axes3,4", and back: DataError for another text.
std::string key(const PdhgGeometry&);
PdhgGeometry pdhg_geometry(const std::string& text);

// Phases "forward" and "backward", which gives the gradient of lambda, and of the steps where those are
// learnt.
// A = number of axes. Forward, per pixel and iteration: 4 for p+, 5 A for q+, 2 A + 2 for x+, 3 for x_bar+:
// 9 + 7 A. The adjoint has as many: 2 for c, 2 for bp, 3 A for bq, A for lambda^, A for the mask, 2 A + 2 for
// ab, 2 for ax, 1 for ap; the steps take 14 + 3 A more. Bytes: z, lambda and x once; the tape is read
// backward. Whoever writes a tape adds its bytes.
PhaseCosts pdhg_cost(const Shape& x, const Shape& lambda, const PdhgParams&, bool learn_steps);

template <class T>
struct PdhgKernels {
  // Moves the fields params.n_iter iterations on; where the tape has codes or x, records them.
  void (*forward)(const Exec&, const PdhgProblem<T>&, const PdhgParams&, const PdhgFields<T>&,
                  const PdhgTapeView<T>&);
  // Adds the gradients of <grad_x, x^T>, for a forward pass from the start of params; z is read only for the
  // gradients of the steps, lambda never.
  void (*adjoint)(const Exec&, const PdhgProblem<T>&, const PdhgParams&, const PdhgTapeView<T>&,
                  View5<const T> grad_x, const PdhgGradients<T>&);
  // Adds to `to` the sums of `full` [N,C,D,H,W] over the axes along which `to` has extent 1; sums in double.
  void (*add_reduced)(const Exec&, View5<const T> full, View5<T> to);
  // Whether these kernels can overwrite the gradients of lambda and of a device's steps instead of adding to
  // them.
  bool overwrites = false;
  // Whether `forward` can begin with fields that are unset, where there is an iteration at all: this saves
  // the launch that fills them.
  bool starts = false;
};

template <class T>
using PdhgImplementation = Implementation<PdhgGeometry, PdhgKernels<T>>;
extern const Ladder<PdhgImplementation> pdhg_ladder;  // pdhg_op.cpp

namespace cpu {

// The plain loops: any axes, any sharing of lambda.
extern const PdhgImplementation<float> pdhg_reference_f32;
extern const PdhgImplementation<double> pdhg_reference_f64;
// One fused sweep per iteration, vectorised (cpu/pdhg_fused.h): axes (3,4) and (2,3,4).
extern const PdhgImplementation<float> pdhg_fused;

// PdhgKernels::add_reduced of all of them (pdhg_reference.cpp).
template <class T>
void pdhg_add_reduced(const Exec&, View5<const T> full, View5<T> to);

}  // namespace cpu

// A tile of the picture in the registers of each block, and one meeting of the grid for 8, 4 or
// 12 iterations: axes (3,4).
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_overlapped);
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_overlapped_4);
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_overlapped_12);
// Large batches, each picture in the registers of a cluster of blocks (compute capability 9.0): axes (3,4),
// at most 16 tiles of 56x88 pixels.
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_clusters);
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_persistent);  // one launch for all iterations
PRIMAL_DEVICE_KERNELS(PdhgImplementation<float>, pdhg_fused);       // one launch for each

}  // namespace primal
