// Random numbers from a counter: Philox4x32-10. The value of an element is a function of its key and its
// index alone, so it does not depend on the order of drawing, on threads, on the batch or on the device, and
// a resumed run needs no state.
//
//   key      = (seed, purpose)                      64 bits of seed mixed with the purpose
//   counter  = (element / 4, epoch, sample)         four 32-bit words come from one call
//
// Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tensor/philox.h"
#include "tensor/tensor.h"

namespace primal {

// One Philox4x32 call with ten rounds.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// What a stream of random numbers is for; each purpose has numbers of its own.
enum class RandomPurpose : uint32_t {
  initialisation = 1,
  shuffle,
  noise_level,
  noise,
  phantom,
  test,
  bootstrap,
  dropout,
  probe,
  second_noise
};

// The stream of one (seed, purpose, epoch, sample).
class RandomStream {
 public:
  RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t epoch = 0, uint32_t sample = 0);

  uint32_t bits(uint64_t element) const;   // uniform 32-bit word
  double uniform(uint64_t element) const;  // in [0, 1): 32 bits
  double normal(uint64_t element) const;   // mean 0, deviation 1, Box-Muller in double on two words

  // For kernels, which draw the same numbers (philox.h).
  const PhiloxStream& stream() const { return stream_; }

  // Fill a tensor of f32 or f64; element i of the tensor gets element first + i of the stream.
  void fill_uniform(const Tensor& t, double low, double high, uint64_t first = 0) const;
  void fill_normal(const Tensor& t, double mean = 0.0, double deviation = 1.0, uint64_t first = 0) const;

  // +1 or -1 at random: the lowest bit of each element's word.
  void fill_signs(const Tensor& t) const;

  // 0 .. n-1 in random order (Fisher-Yates).
  std::vector<int64_t> permutation(int64_t n) const;

 private:
  PhiloxStream stream_;
};

}  // namespace primal
