// Kernels of the TV objective: one sum for each sample; equations in tv_objective.h.
#pragma once

#include <array>
#include <span>

#include "solvers/difference/axes.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

// What a kernel reads; z and lambda with extent 1 where they are shared.
template <class T>
struct TvFields {
  std::array<int64_t, 5> extent{};  // [N,1,D,H,W]
  View5<const T> x;                 // the objective and the gap: [N,1,D,H,W]
  View5<const T> q;                 // the dual objective and the gap: [N,A,D,H,W]
  View5<const T> z, lambda;         // lambda: the objective and the gap
};

template <class T>
struct TvObjectiveKernels {
  // sums [N], where the fields live
  using Kernel = void (*)(const Exec&, const TvFields<T>&, const Axes&, std::span<double> sums);
  Kernel objective, dual_objective, gap;
};

template <class T>
using TvObjectiveImplementation = Implementation<OnlyShape, TvObjectiveKernels<T>>;
extern const Ladder<TvObjectiveImplementation> tv_objective_ladder;  // tv_objective.cpp

namespace cpu {
extern const TvObjectiveImplementation<float> tv_objective_reference_f32;
extern const TvObjectiveImplementation<double> tv_objective_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(TvObjectiveImplementation<float>, tv_objective_two_stages);  // tv_objective_cuda.cu

}  // namespace primal
