// The core of random.h, for host code and kernels: words and normals as functions of a key and a counter.
#pragma once

#include <cmath>
#include <cstdint>

#include "tensor/host_device.h"

namespace primal {

// A stream of random numbers: its key, and the upper half of its counters.
struct PhiloxStream {
  uint32_t key[2] = {};
  uint32_t epoch = 0, sample = 0;
};

struct PhiloxWords {
  uint32_t v[4];
};
struct PhiloxNormals {
  double v[4];
};

// One Philox4x32 call with ten rounds.
PRIMAL_HOST_DEVICE inline PhiloxWords philox4x32(PhiloxWords c, uint32_t k0, uint32_t k1) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kMultiplier0 * c.v[0], p1 = kMultiplier1 * c.v[2];
    c = {{static_cast<uint32_t>(p1 >> 32) ^ c.v[1] ^ k0, static_cast<uint32_t>(p1),
          static_cast<uint32_t>(p0 >> 32) ^ c.v[3] ^ k1, static_cast<uint32_t>(p0)}};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

// The words of elements 4 index .. 4 index + 3.
PRIMAL_HOST_DEVICE inline PhiloxWords philox_words(const PhiloxStream& s, uint64_t index) {
  return philox4x32({{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), s.epoch, s.sample}},
                    s.key[0], s.key[1]);
}

// Their normals: elements 2i and 2i + 1 are the cosine and sine branch of one Box-Muller pair, from
// the words 2i and 2i + 1.
PRIMAL_HOST_DEVICE inline PhiloxNormals philox_normals(const PhiloxStream& s, uint64_t index) {
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  const PhiloxWords words = philox_words(s, index);
  PhiloxNormals normals{};
  for (int pair = 0; pair < 4; pair += 2) {
    const double u = (words.v[pair] + 0.5) * 0x1p-32;  // in (0, 1): the logarithm is finite
    const double angle = kTwoPi * (words.v[pair + 1] * 0x1p-32);
    const double radius = std::sqrt(-2.0 * std::log(u));
    normals.v[pair] = radius * std::cos(angle);
    normals.v[pair + 1] = radius * std::sin(angle);
  }
  return normals;
}

}  // namespace primal
