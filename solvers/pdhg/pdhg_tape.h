// The tape of PDHG: what the adjoint needs of the forward pass.
//
//   codes   2 bits per dual component and iteration: where v = q + sigma G x_bar fell. 16 neighbours
//           along W share a CodeWord of two 16-bit masks: bit i of `above` is set where v > lambda at the
//           word's i-th pixel, bit i of `below` where v < -lambda; neither: inside.
//           [N, T, D, H, A, words], words = ceil(W / 16)
//   x       the iterates x^1 .. x^T, kept only when a step is learnt. [N, T, D, H, padded], padded = 16 words
//
// The masks are what a vector comparison yields and a masked addition takes; rows are padded so that
// whole vectors fit. Bits and elements beyond W are undefined. Devices keep the same layout: two
// words are one vote of a warp.
#pragma once

#include <cstdint>

namespace primal {

struct CodeWord {
  uint16_t above = 0;
  uint16_t below = 0;
};
static_assert(sizeof(CodeWord) == 4);

inline constexpr int64_t kCodesPerWord = 16;

struct PdhgTapeLayout {
  int64_t N = 0, T = 0, A = 0, D = 0, H = 0, W = 0;

  int64_t words() const { return (W + kCodesPerWord - 1) / kCodesPerWord; }
  int64_t padded() const { return words() * kCodesPerWord; }
  int64_t rows() const { return N * T * D * H; }
  int64_t row(int64_t n, int64_t k, int64_t d, int64_t h) const { return ((n * T + k) * D + d) * H + h; }
  int64_t n_code_words() const { return rows() * A * words(); }
  int64_t n_x() const { return rows() * padded(); }
};

// What kernels see: pointers and layout. x is null when the steps are fixed.
template <class T>
struct PdhgTapeView {
  PdhgTapeLayout layout;
  CodeWord* codes = nullptr;
  T* x = nullptr;

  // The words of component a in row (d,h) of sample n, iteration k.
  CodeWord* code_row(int64_t n, int64_t k, int64_t d, int64_t h, int64_t a) const {
    return codes + (layout.row(n, k, d, h) * layout.A + a) * layout.words();
  }
  // Row (d,h) of x^(k+1), the result of iteration k.
  T* x_row(int64_t n, int64_t k, int64_t d, int64_t h) const {
    return x + layout.row(n, k, d, h) * layout.padded();
  }
};

}  // namespace primal
