// The iterations of PDHG, one pass over the pixels for each; equations in pdhg.h, threads and
// launches in pdhg_device.h.
//
// Idea:  a thread does everything of one pixel. x+ needs the new q of the pixels before it, so the
//   thread computes those again from the old q and x_bar (one multiply-add and a clip for each axis).
//   What neighbours read, x_bar and q, goes to a second buffer, and iterations take turns with the
//   two; x and p stay in place.
// Bytes: for each pixel and iteration 4 (7 + 3 A): x, x_bar, p and q of A axes read and written, z and lambda
//   read; and A / 4 for the codes. Neighbours come from L1.
// Bounds: forward_kernel<2> 64 registers, 0 bytes of shared memory, no local memory, no read-only loads
// Bounds: forward_kernel<3> 64 registers, 0 bytes of shared memory, no local memory, no read-only loads
#include "solvers/broadcast_cuda.h"
#include "solvers/pdhg/cuda/pdhg_device.h"
#include "tensor/backend.h"

namespace primal::PRIMAL_SIMT {
namespace {

template <int A>
__device__ int64_t offset(const GlobalBroadcast& map, const Pixel<A>& at, int a) {
  const int64_t* stride = map.stride;
  return at.n * stride[0] + a * stride[1] + at.d * stride[2] + at.h * stride[3] + at.w * stride[4];
}

// Lanes 0 and 16 write the words of the warp's 32 pixels.
template <int A>
__device__ void write_codes(const Tape& tape, const Pixel<A>& at, int64_t tape_row,
                            const int (&code)[size_t{A}]) {
  for (int a = 0; a < A; ++a) {
    const uint32_t above = __ballot_sync(kAllLanes, code[a] > 0);
    const uint32_t below = __ballot_sync(kAllLanes, code[a] < 0);
    const int lane = at.w % kWarp;
    if (!at.exists || lane % kCodesPerWord != 0) continue;
    tape.codes[(tape_row * A + a) * tape.words + at.w / kCodesPerWord] =
        (above >> lane & 0xFFFFU) | below >> lane << kCodesPerWord;
  }
}

struct Forward {
  Volumes volumes;
  StepsSource steps;
  Global<const float> z;
  int64_t z_stride;  // 0: all problems share z
  GlobalBroadcast lambda;
  Global<float> x, p;
  Global<float> x_bar[2], q[2];  // by turns
  bool keep_codes, keep_x;
  Tape tape;
};

// clip(q + sigma g, -bound, bound); `code`: where it fell.
__device__ float dual(float q, float sigma, float g, float bound, int& code) {
  const float v = q + sigma * g;
  code = v > bound ? 1 : v < -bound ? -1 : 0;
  return code > 0 ? bound : code < 0 ? -bound : v;
}

template <int A>
__device__ void forward_pixel(const Forward& f, const Steps& steps, const Pixel<A>& at, int64_t k,
                              int64_t tape_row, int (&code)[size_t{A}]) {
  const auto [sigma, tau, theta] = steps;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const Turn<float> turn_x_bar(f.x_bar, k), turn_q(f.q, k);
  const Global<float> from = turn_x_bar.from, q_from = turn_q.from, q_to = turn_q.to;
  const float x_bar = from[i];
  bool valid = k > 0 || usable_steps(steps);

  const float p = (f.p[i] + sigma * (x_bar - f.z[at.n * f.z_stride + at.in_volume])) / (1 + sigma);
  float adjoint = 0;  // G' q+
  for (int a = 0; a < A; ++a) {
    const int64_t j = (int64_t{at.n} * A + a) * pixels + at.in_volume;
    const int64_t next = at.next[a] * at.stride[a], before = at.before[a] * at.stride[a];
    const int64_t map = offset(f.lambda, at, a);
    const float bound = f.lambda.data[map];
    const float bound_before = f.lambda.data[map + at.before[a] * f.lambda.stride[f.volumes.axis[a]]];
    valid = valid && usable_bound(bound);
    const float q = dual(q_from[j], sigma, from[i + next] - x_bar, bound, code[a]);
    int unused = 0;
    const float q_before = dual(q_from[j + before], sigma, x_bar - from[i + before], bound_before, unused);
    q_to[j] = q;
    adjoint = a == 0 ? q_before - q : adjoint + (q_before - q);
  }
  const float x = k == 0 && !valid ? kNotANumber : f.x[i];
  const float x_new = x - tau * (p + adjoint);
  f.p[i] = p;
  f.x[i] = x_new;
  turn_x_bar.to[i] = x_new + theta * (x_new - x);
  if (f.keep_x) f.tape.x[tape_row * f.tape.padded + at.w] = x_new;
}

// Iterations [begin, end); of more than one only in a cooperative launch.
template <int A>
__global__ void __launch_bounds__(kWarp* kTileRows) forward_kernel(Forward f, int64_t begin, int64_t end) {
  const Steps steps = f.steps.get();
  for (int64_t k = begin; k < end; ++k) {
    if (k > begin) grid_sync();
    for (int64_t tile = blockIdx.x; tile < f.volumes.n_tiles; tile += gridDim.x) {
      const Pixel<A> at(f.volumes, tile);
      if (!at.row_exists) continue;  // for all lanes of the warp
      const int64_t tape_row = f.tape.row(f.volumes, at.n, k, at.d, at.h);
      int code[size_t{A}] = {};
      if (at.exists) forward_pixel<A>(f, steps, at, k, tape_row, code);
      if (f.keep_codes) write_codes<A>(f.tape, at, tape_row, code);
    }
  }
}

void copy(const Exec& exec, std::span<const float> from, std::span<float> to) {
  backend(exec.device).copy(to.data(), from.data(), from.size_bytes());
}

void forward(const Exec& exec, Way way, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  Forward f{};
  f.volumes = volumes_of(fields.x.extent, params.axes);
  if (f.volumes.n_tiles == 0) return;
  const Scratch<float> x_bar(exec, fields.x_bar.numel()), q(exec, fields.q.numel());
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat());
  f.z_stride = problem.z.size(0) == 1 ? 0 : f.volumes.pixels();
  f.lambda = global_broadcast(problem.lambda);
  f.x = global(fields.x.flat()), f.p = global(fields.p.flat());
  f.x_bar[0] = global(fields.x_bar.flat()), f.x_bar[1] = global(x_bar.span());
  f.q[0] = global(fields.q.flat()), f.q[1] = global(q.span());
  f.keep_codes = tape.codes != nullptr, f.keep_x = tape.x != nullptr;
  f.tape = tape_of(tape);
  with_axes(params.axes, [&]<int A>() {
    run_iterations(exec, way, "pdhg_forward", forward_kernel<A>, f, params.n_iter, false);
  });
  if (params.n_iter % 2 == 1) {
    copy(exec, x_bar.span(), fields.x_bar.flat());
    copy(exec, q.span(), fields.q.flat());
  }
}

}  // namespace

template <Way way>
void pdhg_forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                  const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  forward(exec, way, problem, params, fields, tape);
}

template void pdhg_forward<Way::fused>(const Exec&, const PdhgProblem<float>&, const PdhgParams&,
                                       const PdhgFields<float>&, const PdhgTapeView<float>&);
template void pdhg_forward<Way::persistent>(const Exec&, const PdhgProblem<float>&, const PdhgParams&,
                                            const PdhgFields<float>&, const PdhgTapeView<float>&);

}  // namespace primal::PRIMAL_SIMT
