// The plain loops of salt and pepper and of periodic noise, which both ladders take.
#include <algorithm>
#include <cmath>

#include "data/noise/noise_kernels.h"

namespace primal::cpu {

template <class T>
void salt_pepper(const Exec& exec, std::span<const T> x, uint64_t salt, uint64_t changed,
                 const PhiloxStream& stream, std::span<T> z) {
  const T* from = x.data();
  T* to = z.data();
  parallel_for(exec, static_cast<int64_t>(x.size()), kNoiseGrain, [&](int64_t begin, int64_t end) {
    static_assert(kNoiseGrain % 4 == 0, "a chunk begins with the first of four words");
    for (int64_t i = begin; i < end;) {
      const PhiloxWords four = philox_words(stream, static_cast<uint64_t>(i) / 4);
      for (int64_t k = 0; k < 4 && i < end; ++k, ++i)
        to[i] = four.v[k] < salt ? T{1} : four.v[k] < changed ? T{0} : from[i];
    }
  });
}

template <class T>
void periodic(const Exec& exec, std::span<const T> x, int64_t height, int64_t width, const Waves& waves,
              bool clip, std::span<T> z) {
  const int64_t n_rows = width == 0 ? 0 : static_cast<int64_t>(x.size()) / width;
  const T* from = x.data();
  T* to = z.data();
  parallel_for(exec, n_rows, std::max<int64_t>(1, kNoiseGrain / std::max<int64_t>(1, width)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   const auto i = static_cast<double>(row % height);
                   for (int64_t j = 0; j < width; ++j) {
                     const double noisy = static_cast<double>(from[row * width + j]) +
                                          wave_sum(waves, i, static_cast<double>(j));
                     to[row * width + j] = static_cast<T>(clip ? std::clamp(noisy, 0.0, 1.0) : noisy);
                   }
                 }
               });
}

template void salt_pepper(const Exec&, std::span<const float>, uint64_t, uint64_t, const PhiloxStream&,
                          std::span<float>);
template void salt_pepper(const Exec&, std::span<const double>, uint64_t, uint64_t, const PhiloxStream&,
                          std::span<double>);
template void periodic(const Exec&, std::span<const float>, int64_t, int64_t, const Waves&, bool,
                       std::span<float>);
template void periodic(const Exec&, std::span<const double>, int64_t, int64_t, const Waves&, bool,
                       std::span<double>);

}  // namespace primal::cpu
