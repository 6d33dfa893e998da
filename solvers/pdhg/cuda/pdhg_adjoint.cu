// The adjoint of PDHG's iterations, the last one first, one pass over the pixels for each; equations in
// pdhg.h and, of the steps, in pdhg_kernels.h; threads and launches in pdhg_device.h.
//
// Idea:  the shape of the forward pass. c = ax + (1 + theta) ab takes the place of x_bar and av that of q; av
//   of the pixels before is computed again with their codes. ab, ap, r, lambda^ and z^ are a pixel's own.
// Bytes: for each pixel and iteration 4 (6 + 2 A) (c, ab, ap and aq) and A / 4, 8 for each lambda^ at its
//   bound, 8 for z^ where it is wanted, 24 for the steps (r, three iterates, z).
// Sums:  lambda^ and z^ add up in place in float, as on the CPU. Those for the steps are doubles: the lanes
//   of a warp in a tree, the iterations in a cell of each warp, the cells in the end in a tree: the same bits
//   for both ways to launch.
// Bounds: adjoint_kernel<2> 80 registers, 0 bytes of shared memory, no local memory, no read-only loads
// Bounds: adjoint_kernel<3> 80 registers, 0 bytes of shared memory, no local memory, no read-only loads
#include "solvers/pdhg/cuda/pdhg_device.h"
#include "solvers/pdhg/cuda/pdhg_step_sums.h"
#include "tensor/simt/reduce.h"

namespace primal::PRIMAL_SIMT {
namespace {

struct Adjoint {
  Volumes volumes;
  StepsSource steps;
  Global<const float> z, grad_x;
  Tape tape;
  int64_t n_iter;
  Global<float> ab, ap, r;
  Global<float> c[2], aq[2];               // by turns; after the last iteration c[1] holds ax
  bool shared, want_z, want_steps, noisy;  // shared: one lambda for all axes
  Global<float> grad_lambda, grad_z;
  Global<double> sums;  // [3, warps of all tiles]: sigma, tau, theta
  int64_t n_sums;
};

struct StepSums {
  double sigma = 0, tau = 0, theta = 0;
};

// Adds the terms of the warp's lanes to its cell.
__device__ void add_to_cell(const Adjoint& f, int64_t tile, const StepSums& terms) {
  const double sigma = warp_sum(terms.sigma), tau = warp_sum(terms.tau), theta = warp_sum(terms.theta);
  if (threadIdx.x != 0) return;
  const int64_t cell = tile * kTileRows + threadIdx.y;
  f.sums[cell] += sigma;
  f.sums[f.n_sums + cell] += tau;
  f.sums[2 * f.n_sums + cell] += theta;
}

// x^k at a pixel `shift` coordinates away along the axis of component a; x^0 is z, and x^(-1) is read as z
// too.
template <int A>
__device__ float iterate(const Adjoint& f, const Pixel<A>& at, int64_t k, int a, int shift) {
  if (k <= 0) return f.z[at.n * f.volumes.pixels() + at.in_volume + shift * at.stride[a]];
  const int axis = f.volumes.axis[a];
  const int64_t row =
      f.tape.row(f.volumes, at.n, k - 1, at.d + (axis == 2 ? shift : 0), at.h + (axis == 3 ? shift : 0));
  return f.tape.x[row * f.tape.padded + at.w + (axis == 4 ? shift : 0)];
}

template <int A>
__device__ float extrapolated(const Adjoint& f, const Steps& steps, const Pixel<A>& at, int64_t k, int a,
                              int shift) {
  const float now = iterate<A>(f, at, k, a, shift), before = iterate<A>(f, at, k - 1, a, shift);
  return now + steps.theta * (now - before);
}

template <int A>
__device__ int code_before(const Adjoint& f, const Pixel<A>& at, int64_t k, int a) {
  const int axis = f.volumes.axis[a], shift = at.before[a];
  const int64_t row =
      f.tape.row(f.volumes, at.n, k, at.d + (axis == 2 ? shift : 0), at.h + (axis == 3 ? shift : 0));
  return f.tape.code(row, a, at.w + (axis == 4 ? shift : 0));
}

template <int A>
__device__ void step_back(const Adjoint& f, const Steps& steps, const Pixel<A>& at, int64_t k,
                          StepSums& terms) {
  const auto [sigma, tau, theta] = steps;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const int64_t tape_row = f.tape.row(f.volumes, at.n, k, at.d, at.h);
  const Turn<float> turn_c(f.c, k), turn_aq(f.aq, k);
  const Global<float> from = turn_c.from, aq_from = turn_aq.from, aq_to = turn_aq.to;
  const float c = from[i], ab = f.ab[i];
  const float x_bar = f.want_steps ? extrapolated<A>(f, steps, at, k, 0, 0) : 0.0F;

  float adjoint = 0;  // G' av
  for (int a = 0; a < A; ++a) {
    const int64_t j = (int64_t{at.n} * A + a) * pixels + at.in_volume;
    const int64_t next = at.next[a] * at.stride[a], before = at.before[a] * at.stride[a];
    const int s = f.tape.code(tape_row, a, at.w);
    const float bq = aq_from[j] - tau * (from[i + next] - c);
    const float av = s == 0 ? bq : 0.0F;
    if (s != 0) f.grad_lambda[f.shared ? i : j] += static_cast<float>(s) * bq;
    aq_to[j] = av;
    const float bq_before = aq_from[j + before] - tau * (c - from[i + before]);
    const float av_before = code_before<A>(f, at, k, a) == 0 ? bq_before : 0.0F;
    adjoint = a == 0 ? av_before - av : adjoint + (av_before - av);
    if (f.want_steps) {
      const float g = extrapolated<A>(f, steps, at, k, a, at.next[a]) - x_bar;
      terms.sigma += static_cast<double>(av) * static_cast<double>(g);
    }
  }
  const float ap = (f.ap[i] - tau * c) / (1 + sigma);
  const float ax_new = c - theta * ab, ab_new = sigma * (adjoint + ap);
  if (f.want_z) f.grad_z[i] -= sigma * ap;
  f.ap[i] = ap;
  f.ab[i] = ab_new;
  turn_c.to[i] = k == 0 ? ax_new : ax_new + (1 + theta) * ab_new;

  if (f.want_steps) {
    const double moved =
        static_cast<double>(iterate<A>(f, at, k + 1, 0, 0)) - static_cast<double>(iterate<A>(f, at, k, 0, 0));
    terms.theta += ab * moved;
    terms.tau += c * moved / tau;
    const float r_next = f.r[i], r = ap + r_next / (1 + sigma);
    f.r[i] = r;
    const double residual = static_cast<double>(x_bar) - static_cast<double>(f.z[i]);
    terms.sigma +=
        (static_cast<double>(r) - static_cast<double>(r_next)) * residual / (1 + static_cast<double>(sigma));
  }
}

// Iterations k = end - 1 .. begin, in this order; of more than one only in a cooperative launch.
template <int A>
__global__ void __launch_bounds__(kWarp* kTileRows) adjoint_kernel(Adjoint f, int64_t begin, int64_t end) {
  const Steps steps = f.steps.get();
  for (int64_t k = end - 1; k >= begin; --k) {
    if (k < end - 1) grid_sync();
    for (int64_t tile = blockIdx.x; tile < f.volumes.n_tiles; tile += gridDim.x) {
      const Pixel<A> at(f.volumes, tile);
      if (!at.row_exists) continue;
      StepSums terms;
      if (at.exists) step_back<A>(f, steps, at, k, terms);
      if (f.want_steps) add_to_cell(f, tile, terms);
    }
  }
}

// Before the first step back: c = grad_x, and nothing has come of the rest.
template <int A>
__global__ void adjoint_start_kernel(Adjoint f) {
  const int64_t tile = blockIdx.x;
  if (f.want_steps && threadIdx.x == 0) {  // also where a cell has no pixels: all are added up in the end
    for (int sum = 0; sum < 3; ++sum) f.sums[sum * f.n_sums + tile * kTileRows + threadIdx.y] = 0.0;
  }
  const Pixel<A> at(f.volumes, tile);
  if (!at.exists) return;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const Turn<float> first_c(f.c, f.n_iter + 1),
      first_aq(f.aq, f.n_iter + 1);  // iteration n_iter - 1 reads them
  first_c.from[i] = f.grad_x[i];
  f.ab[i] = 0.0F;
  f.ap[i] = 0.0F;
  if (f.want_steps) f.r[i] = 0.0F;
  for (int a = 0; a < A; ++a) first_aq.from[(int64_t{at.n} * A + a) * pixels + at.in_volume] = 0.0F;
}

// The start of the forward pass: z^ += ax + ab, and ap and the sum with r where p began as z.
template <int A>
__global__ void adjoint_end_kernel(Adjoint f) {
  const Steps steps = f.steps.get();
  const Pixel<A> at(f.volumes, blockIdx.x);
  if (!at.row_exists) return;
  StepSums terms;
  if (at.exists) {
    const int64_t i = at.n * f.volumes.pixels() + at.in_volume;
    if (f.want_z) f.grad_z[i] += f.c[1][i] + f.ab[i] + (f.noisy ? static_cast<float>(f.ap[i]) : 0.0F);
    if (f.want_steps && f.noisy)
      terms.sigma = -static_cast<double>(f.r[i]) * f.z[i] / (1 + static_cast<double>(steps.sigma));
  }
  if (f.want_steps && f.noisy) add_to_cell(f, blockIdx.x, terms);
}

// One block for each step, which adds up the n values of that step.
__global__ void add_sums_kernel(Global<const double> values, int64_t n, StepTargets targets) {
  const int step = static_cast<int>(blockIdx.x);
  if (!targets.wanted.of(step)) return;  // the whole block
  const double sum = block_sum_of<double>(values + step * n, n);
  if (threadIdx.x == 0) targets.take(step, sum);
}

void adjoint(const Exec& exec, Way way, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgTapeView<float>& tape, View5<const float> grad_x, const PdhgGradients<float>& grads) {
  Adjoint f{};
  f.volumes = volumes_of(grad_x.extent, params.axes);
  if (f.volumes.n_tiles == 0) return;
  for (const float* step : grads.device_steps) f.want_steps = f.want_steps || step != nullptr;
  const int64_t n = grad_x.numel();
  f.n_sums = f.volumes.n_tiles * kTileRows;
  const Scratch<float> ab(exec, n), ap(exec, n), r(exec, f.want_steps ? n : 0);
  const Scratch<float> c[2] = {{exec, n}, {exec, n}};
  const Scratch<float> aq[2] = {{exec, n * params.axes.count()}, {exec, n * params.axes.count()}};
  const Scratch<double> sums(exec, f.want_steps ? 3 * f.n_sums : 0);
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat()), f.grad_x = global(grad_x.flat());
  f.tape = tape_of(tape);
  f.n_iter = params.n_iter;
  f.ab = global(ab.span()), f.ap = global(ap.span()), f.r = global(r.span());
  for (int i = 0; i < 2; ++i) f.c[i] = global(c[i].span()), f.aq[i] = global(aq[i].span());
  f.shared = grads.lambda.size(1) == 1;
  f.want_z = grads.z.data != nullptr;
  f.noisy = params.p_start == PdhgStart::noisy;
  f.grad_lambda = global(grads.lambda.flat());
  if (f.want_z) f.grad_z = global(grads.z.flat());
  f.sums = global(sums.span());

  const dim3 grid = grid_of(f.volumes.n_tiles), block(kWarp, kTileRows);
  with_axes(params.axes, [&]<int A>() {
    launch(exec, {.name = "pdhg_adjoint_start", .grid = grid, .block = block}, adjoint_start_kernel<A>, f);
    run_iterations(exec, way, "pdhg_adjoint", adjoint_kernel<A>, f, params.n_iter, true);
    launch(exec, {.name = "pdhg_adjoint_end", .grid = grid, .block = block}, adjoint_end_kernel<A>, f);
  });
  if (!f.want_steps) return;
  launch(exec, {.name = "pdhg_add_sums", .grid = dim3(3), .block = dim3(kSumThreads)}, add_sums_kernel,
         global(std::span<const double>(sums.span())), f.n_sums, step_targets(grads.device_steps, true));
}

}  // namespace

template <Way way>
void pdhg_adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                  const PdhgTapeView<float>& tape, View5<const float> grad_x,
                  const PdhgGradients<float>& grads) {
  adjoint(exec, way, problem, params, tape, grad_x, grads);
}

template void pdhg_adjoint<Way::fused>(const Exec&, const PdhgProblem<float>&, const PdhgParams&,
                                       const PdhgTapeView<float>&, View5<const float>,
                                       const PdhgGradients<float>&);
template void pdhg_adjoint<Way::persistent>(const Exec&, const PdhgProblem<float>&, const PdhgParams&,
                                            const PdhgTapeView<float>&, View5<const float>,
                                            const PdhgGradients<float>&);

}  // namespace primal::PRIMAL_SIMT
