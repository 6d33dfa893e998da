// Segments: how a sum over all pixels is split so that its bits do not depend on the number of threads.
// The patches are dealt to a fixed number of segments in order, each segment has a sum of its own, and the
// sums are added in order.
#pragma once

#include <cstdint>

#include "tensor/exec.h"

namespace primal::cpu {

struct Segments {
  int64_t count, n_patches;

  // As many as give n_tasks tasks together with n_groups of channels, while there are patches for them.
  static Segments split(int64_t n_patches, int64_t n_groups, int64_t n_tasks) {
    const int64_t wanted = (n_tasks + n_groups - 1) / n_groups;
    return {wanted < n_patches ? wanted : n_patches, n_patches};
  }
  int64_t first(int64_t segment) const { return n_patches * segment / count; }
  int64_t last(int64_t segment) const { return n_patches * (segment + 1) / count; }
};

// target[k] += sum over segments of sums[segment * stride + k], in double.
inline void add_segments(const Exec& exec, const Segments& segments, const float* sums, int64_t stride,
                         int64_t n, float* target) {
  constexpr int64_t kBlock = 512;
  parallel_for(exec, n, kBlock, [&](int64_t begin, int64_t end) {
    double total[kBlock] = {};
    for (int64_t s = 0; s < segments.count; ++s) {
      const float* const from = sums + s * stride + begin;
      for (int64_t k = 0; k < end - begin; ++k) total[k] += from[k];
    }
    for (int64_t k = begin; k < end; ++k) target[k] += static_cast<float>(total[k - begin]);
  });
}

}  // namespace primal::cpu
