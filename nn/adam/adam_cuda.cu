// All parameters in one launch (up to kMost of them; then another): a small model has dozens of tensors of a
// few hundred numbers, and a launch for each would cost more than its work. A block takes one chunk of one
// parameter; which, it finds in the table that comes with the launch. Each element is read and written once.
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
__device__ void step_chunk(const Slots<T>& slots, const AdamFactors<T>& f) {
  const auto [s, begin, end] = slots.chunks.part(kChunk);
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

template <class T, bool kAmsgrad>
__global__ void step_kernel(Slots<T> slots, AdamFactors<T> f) {
  step_chunk<T, kAmsgrad>(slots, f);
}

// With the factors that memory of the device has when it runs, unless the step is to be skipped.
template <class T, bool kAmsgrad>
__global__ void step_now_kernel(Slots<T> slots, AdamFactors<T> f, Global<const double> factors,
                                Global<const int32_t> skip) {
  if (skip[0] != 0) return;
  f.step_size = static_cast<T>(static_cast<double>(factors[0]));
  f.root = static_cast<T>(static_cast<double>(factors[1]));
  step_chunk<T, kAmsgrad>(slots, f);
}

// Calls launch_slots(slots) for up to kMost parameters at a time.
template <class T, class LaunchSlots>
void for_all_slots(std::span<const AdamSlot<T>> all, const LaunchSlots& launch_slots) {
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
    launch_slots(slots);
    slots = {};
  }
  if (slots.chunks.n_blocks() > 0) launch_slots(slots);
}

template <class T>
void step(const Exec& exec, std::span<const AdamSlot<T>> all, const AdamParams& params, int64_t t) {
  const auto kernel = params.amsgrad ? step_kernel<T, true> : step_kernel<T, false>;
  for_all_slots(all, [&](const Slots<T>& slots) {
    launch(exec, {.name = "adam_step", .grid = dim3(slots.chunks.n_blocks()), .block = kThreads}, kernel,
           slots, AdamFactors<T>(params, t));
  });
}

template <class T>
void step_now(const Exec& exec, std::span<const AdamSlot<T>> all, const AdamParams& params,
              const AdamNow& now) {
  const auto kernel = params.amsgrad ? step_now_kernel<T, true> : step_now_kernel<T, false>;
  for_all_slots(all, [&](const Slots<T>& slots) {
    launch(exec, {.name = "adam_step", .grid = dim3(slots.chunks.n_blocks()), .block = kThreads}, kernel,
           slots, AdamFactors<T>(params, {0.0, 1.0}), global(now.factors), global(now.skip));
  });
}

}  // namespace

const AdamImplementation<float> adam_chunks = {
    {"chunks", "all parameters in one launch, a block for each chunk", kDevice},
    nullptr,
    {step<float>, step_now<float>}};

}  // namespace primal::PRIMAL_SIMT
