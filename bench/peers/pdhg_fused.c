// PDHG of torch_model.py and its exact adjoint, float32, one thread: two passes over the picture for each
// iteration, where PdhgFunction of torch_variants.py makes some twenty. torch_fused.py compiles and calls it.
// It shares no code with Primal's solver.
//
//   forward    p <- (p + sigma (xb - z)) / (1 + sigma),  q <- clip(q + sigma G xb, -lam, lam),
//              d = p + G' q,  x+ = x - tau d,  xb = x+ + theta (x+ - x)
//   adjoint    the same lines from the last to the first, with the side on which each clip acted
//
// G is the periodic forward difference: component 0 down the rows, 1 along them.
// Fields are [h][w], q and code [2][h][w].
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The value after the clip, and where it acted: -1, 0 or 1.
static inline float clipped(float v, float bound) { return v > bound ? bound : v < -bound ? -bound : v; }
static inline int8_t side(float v, float bound) { return (int8_t)((v > bound) - (v < -bound)); }

// Row i of p and q; `below` is row i + 1 of xb.
static void dual_row(int w, float sigma, const float* restrict xb, const float* restrict below,
                     const float* restrict z, const float* restrict lam, float* restrict p,
                     float* restrict q0, float* restrict q1, int8_t* restrict code0, int8_t* restrict code1) {
  const float share = sigma / (1 + sigma);
#pragma omp simd
  for (int j = 0; j < w; ++j) {
    p[j] += share * (xb[j] - z[j] - p[j]);
    const float v = q0[j] + sigma * (below[j] - xb[j]);
    q0[j] = clipped(v, lam[j]);
    code0[j] = side(v, lam[j]);
  }
#pragma omp simd
  for (int j = 0; j < w - 1; ++j) {
    const float v = q1[j] + sigma * (xb[j + 1] - xb[j]);
    q1[j] = clipped(v, lam[j]);
    code1[j] = side(v, lam[j]);
  }
  const float v = q1[w - 1] + sigma * (xb[0] - xb[w - 1]);
  q1[w - 1] = clipped(v, lam[w - 1]);
  code1[w - 1] = side(v, lam[w - 1]);
}

// Row i of x and xb; `above` is row i - 1 of q0.
static void primal_row(int w, float tau, float theta, const float* restrict p, const float* restrict q0,
                       const float* restrict above, const float* restrict q1, float* restrict x,
                       float* restrict xb) {
  const float step = theta * tau;
  const float first = tau * (p[0] + above[0] - q0[0] + q1[w - 1] - q1[0]);
  x[0] -= first;
  xb[0] = x[0] - theta * first;
#pragma omp simd
  for (int j = 1; j < w; ++j) {
    const float d = p[j] + above[j] - q0[j] + q1[j - 1] - q1[j];
    x[j] -= tau * d;
    xb[j] = x[j] - step * d;
  }
}

// x [h][w] comes in as z and leaves as x_T; xb and p come in at their start, q at 0.
// code [n_iter][2][h][w] is written.
void pdhg_forward(int h, int w, int n_iter, float sigma, float tau, float theta, const float* z,
                  const float* lam, float* x, float* xb, float* p, float* q, int8_t* code) {
  const size_t n = (size_t)h * w;
  for (int k = 0; k < n_iter; ++k, code += 2 * n) {
    for (int i = 0; i < h; ++i) {
      const size_t row = (size_t)i * w, below = (size_t)((i + 1) % h) * w;
      dual_row(w, sigma, xb + row, xb + below, z + row, lam + row, p + row, q + row, q + n + row, code + row,
               code + n + row);
    }
    for (int i = 0; i < h; ++i) {
      const size_t row = (size_t)i * w, above = (size_t)((i + h - 1) % h) * w;
      primal_row(w, tau, theta, p + row, q + row, q + above, q + n + row, x + row, xb + row);
    }
  }
}

// Gradients at the new p and q from c, the gradient at the new x. What a clip stopped goes to lam, the rest
// to the old q. `right` is c one pixel on.
static void dual_row_adjoint(int w, float tau, float sigma, const float* restrict c,
                             const float* restrict below, const float* restrict right,
                             const int8_t* restrict code0, const int8_t* restrict code1, float* restrict ap,
                             float* restrict aq0, float* restrict aq1, float* restrict grad_lam) {
  const float share = 1 / (1 + sigma);
#pragma omp simd
  for (int j = 0; j < w; ++j) {
    ap[j] = share * (ap[j] - tau * c[j]);
    const float b0 = aq0[j] - tau * (below[j] - c[j]);
    const float b1 = aq1[j] - tau * (right[j] - c[j]);
    const float s0 = code0[j], s1 = code1[j];
    grad_lam[j] += s0 * b0 + s1 * b1;
    aq0[j] = b0 * (1 - s0 * s0);
    aq1[j] = b1 * (1 - s1 * s1);
  }
}

static void primal_row_adjoint(int w, float sigma, float theta, const float* restrict ap,
                               const float* restrict aq0, const float* restrict above,
                               const float* restrict aq1, const float* restrict c, float* restrict ax,
                               float* restrict ab) {
  ax[0] = c[0] - theta * ab[0];
  ab[0] = sigma * (ap[0] + above[0] - aq0[0] + aq1[w - 1] - aq1[0]);
#pragma omp simd
  for (int j = 1; j < w; ++j) {
    ax[j] = c[j] - theta * ab[j];
    ab[j] = sigma * (ap[j] + above[j] - aq0[j] + aq1[j - 1] - aq1[j]);
  }
}

// ax comes in as the gradient at x_T and is used up; ab, ap, aq and grad_lam come in at 0; c is scratch.
void pdhg_adjoint(int h, int w, int n_iter, float sigma, float tau, float theta, const int8_t* code,
                  float* ax, float* ab, float* ap, float* aq, float* c, float* grad_lam) {
  const size_t n = (size_t)h * w;
  float right[w];
  for (int k = n_iter - 1; k >= 0; --k) {
    const int8_t* side_of = code + (size_t)k * 2 * n;
    for (size_t i = 0; i < n; ++i) c[i] = ax[i] + (1 + theta) * ab[i];
    for (int i = 0; i < h; ++i) {
      const size_t row = (size_t)i * w, below = (size_t)((i + 1) % h) * w;
      memcpy(right, c + row + 1, (size_t)(w - 1) * sizeof(float));
      right[w - 1] = c[row];
      dual_row_adjoint(w, tau, sigma, c + row, c + below, right, side_of + row, side_of + n + row, ap + row,
                       aq + row, aq + n + row, grad_lam + row);
    }
    for (int i = 0; i < h; ++i) {
      const size_t row = (size_t)i * w, above = (size_t)((i + h - 1) % h) * w;
      primal_row_adjoint(w, sigma, theta, ap + row, aq + row, aq + above, aq + n + row, c + row, ax + row,
                         ab + row);
    }
  }
}
