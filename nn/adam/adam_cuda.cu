// All parameters in one launch (up to kMost of them; then another): a small model has dozens of tensors of a few hundred
// numbers, and a launch for each would cost more than its work. A block takes one chunk of one parameter; which, it finds in
// the table that comes with the launch. Each element is read and written once.
#include <cmath>

#include "nn/adam/adam_kernels.h"
#include "tensor/simt/chunks.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 8 * kThreads;
constexpr int kMost = 64;  // the parameters of a kernel fit into 4 KB

template <class T>
struct Slots {
  Chunks<kMost> chunks;
  Global<const T> grad[kMost];
  Global<T> x[kMost], m[kMost], v[kMost], v_max[kMost];
};

template <class T, bool kAmsgrad>
__global__ void step_kernel(Slots<T> slots, AdamFactors<T> f) {
  const int s = slots.chunks.buffer();
  const int64_t begin = slots.chunks.chunk_of(s) * kChunk, n = slots.chunks.size[s];
  const int64_t end = begin + kChunk < n ? begin + kChunk : n;
  const Global<const T> grad = slots.grad[s];
  const Global<T> x = slots.x[s], m = slots.m[s], v = slots.v[s], v_max = slots.v_max[s];
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const T g = grad[i] + f.decay * x[i];
    const T first = f.beta1 * m[i] + f.rest1 * g;
    T second = f.beta2 * v[i] + f.rest2 * g * g;
    m[i] = first;
    v[i] = second;
    if constexpr (kAmsgrad) {
      const T before = v_max[i];
      second = before > second ? before : second;
      v_max[i] = second;
    }
    x[i] -= f.step_size * first / (std::sqrt(second) / f.root + f.eps);
  }
}

template <class T>
void launch_step(const Exec& exec, const Slots<T>& slots, const AdamParams& params,
                 const AdamFactors<T>& factors) {
  const unsigned n_blocks = slots.chunks.n_blocks();
  if (n_blocks == 0) return;
  if (params.amsgrad) {
    launch(exec, {.name = "adam_step", .grid = dim3(n_blocks), .block = kThreads}, step_kernel<T, true>,
           slots, factors);
  } else {
    launch(exec, {.name = "adam_step", .grid = dim3(n_blocks), .block = kThreads}, step_kernel<T, false>,
           slots, factors);
  }
}

template <class T>
void step(const Exec& exec, std::span<const AdamSlot<T>> all, const AdamParams& params, int64_t t) {
  const AdamFactors<T> factors(params, t);
  Slots<T> slots;
  for (const AdamSlot<T>& slot : all) {
    const int s = slots.chunks.n;
    slots.grad[s] = global(slot.grad);
    slots.x[s] = global(slot.x);
    slots.m[s] = global(slot.m);
    slots.v[s] = global(slot.v);
    slots.v_max[s] = global(slot.v_max);
    slots.chunks.add(std::ssize(slot.x), kChunk);
    if (!slots.chunks.full()) continue;
    launch_step(exec, slots, params, factors);
    slots = {};
  }
  launch_step(exec, slots, params, factors);
}

}  // namespace

const AdamImplementation<float> adam_chunks = {
    {"chunks", "all parameters in one launch, a block for each chunk", kDevice}, nullptr, {step<float>}};

}  // namespace primal::PRIMAL_SIMT
