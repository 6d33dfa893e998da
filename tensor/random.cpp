#include "tensor/random.h"

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
  const PhiloxWords words = philox4x32(PhiloxWords{{c[0], c[1], c[2], c[3]}}, k[0], k[1]);
  return {words.v[0], words.v[1], words.v[2], words.v[3]};
}

RandomStream::RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t epoch, uint32_t sample) {
  const uint64_t mixed = mix(seed ^ mix(static_cast<uint64_t>(purpose)));
  stream_ = {{static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)}, epoch, sample};
}

uint32_t RandomStream::bits(uint64_t element) const {
  return philox_words(stream_, element / 4).v[element % 4];
}

double RandomStream::uniform(uint64_t element) const { return bits(element) * 0x1p-32; }

double RandomStream::normal(uint64_t element) const {
  return philox_normals(stream_, element / 4).v[element % 4];
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
        const PhiloxNormals four = philox_normals(stream_, element / 4);
        for (uint64_t k = element % 4; k < 4 && i < end; ++k, ++i)
          values[i] = static_cast<T>(mean + deviation * four.v[k]);
      }
    });
  });
}

void RandomStream::fill_signs(const Tensor& t) const {
  dispatch_floating(t.dtype(), "random", [&]<class T>() {
    T* values = t.data<T>();
    parallel_for(Exec{}, t.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        values[i] = (bits(static_cast<uint64_t>(i)) & 1U) != 0 ? T(1) : T(-1);
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
