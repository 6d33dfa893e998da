#include "tensor/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "tensor/exec.h"

namespace primal {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk: long enough to hide the cost of a chunk

// Finaliser of splitmix64: neighbouring seeds give unrelated keys.
uint64_t mix(uint64_t v) {
  v += 0x9E3779B97F4A7C15u;
  v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
  v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
  return v ^ (v >> 31);
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kMultiplier0 * c[0], p1 = kMultiplier1 * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k = {k[0] + kWeyl0, k[1] + kWeyl1};
  }
  return c;
}

RandomStream::RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t epoch, uint32_t sample)
    : epoch_(epoch), sample_(sample) {
  const uint64_t mixed = mix(seed ^ mix(static_cast<uint64_t>(purpose)));
  key_ = {static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)};
}

std::array<uint32_t, 4> RandomStream::block(uint64_t index) const {
  return philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), epoch_, sample_},
                    key_);
}

uint32_t RandomStream::bits(uint64_t element) const { return block(element / 4)[element % 4]; }

double RandomStream::uniform(uint64_t element) const { return bits(element) * 0x1p-32; }

double RandomStream::normal(uint64_t element) const { return normals(element / 4)[element % 4]; }

// Elements 2i and 2i + 1 are the cosine and sine branch of one Box-Muller pair, from the words 2i and 2i + 1.
std::array<double, 4> RandomStream::normals(uint64_t index) const {
  const std::array<uint32_t, 4> words = block(index);
  std::array<double, 4> result{};
  for (size_t pair = 0; pair < 4; pair += 2) {
    const double u = (words[pair] + 0.5) * 0x1p-32;  // in (0, 1): the logarithm is finite
    const double angle = 2.0 * std::numbers::pi * (words[pair + 1] * 0x1p-32);
    const double radius = std::sqrt(-2.0 * std::log(u));
    result[pair] = radius * std::cos(angle);
    result[pair + 1] = radius * std::sin(angle);
  }
  return result;
}

void RandomStream::fill_uniform(const Tensor& t, double low, double high, uint64_t first) const {
  dispatch_floating(t.dtype(), "random", [&]<class T>() {
    T* values = t.data<T>();
    parallel_for(Exec{}, t.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        values[i] = static_cast<T>(low + (high - low) * uniform(first + static_cast<uint64_t>(i)));
      }
    });
  });
}

void RandomStream::fill_normal(const Tensor& t, double mean, double deviation, uint64_t first) const {
  dispatch_floating(t.dtype(), "random", [&]<class T>() {
    T* values = t.data<T>();
    parallel_for(Exec{}, t.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {
        const uint64_t element = first + static_cast<uint64_t>(i);
        const std::array<double, 4> four = normals(element / 4);
        for (uint64_t k = element % 4; k < 4 && i < end; ++k, ++i)
          values[i] = static_cast<T>(mean + deviation * four[k]);
      }
    });
  });
}

std::vector<int64_t> RandomStream::permutation(int64_t n) const {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) {
    // The product with a 32-bit word, shifted: an index in [0, i] whose bias is below (i + 1) / 2^32.
    const auto j = static_cast<int64_t>(
        (static_cast<uint64_t>(bits(static_cast<uint64_t>(i))) * static_cast<uint64_t>(i + 1)) >> 32);
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace primal
