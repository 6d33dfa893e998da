// The reference: the update lines of pdhg.h one by one, each a pass over memory, for any axes, in f32 and f64.
#include <algorithm>
#include <vector>

#include "solvers/difference/difference_kernels.h"
#include "solvers/pdhg/pdhg_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kRowsPerChunk = 16;

// A buffer of its own with the extents of an NCDHW view.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::array<int64_t, 5> extent) : view_{nullptr, extent}, data_(numel(), T(0)) {
    view_.data = data_.data();
  }
  const View5<T>& operator()() const { return view_; }

 private:
  size_t numel() const { return static_cast<size_t>(view_.numel()); }
  View5<T> view_;
  std::vector<T> data_;
};

// Calls body(n, d, h) for every row of N volumes [D,H,W].
template <class Body>
void for_each_row(const Exec& exec, int64_t N, int64_t D, int64_t H, const Body& body) {
  parallel_for(exec, N * D * H, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r / (D * H), r / H % D, r % H);
  });
}

int code_at(const CodeWord* row, int64_t w) {
  const CodeWord& word = row[w / kCodesPerWord];
  const int bit = static_cast<int>(w % kCodesPerWord);
  return (word.above >> bit & 1) - (word.below >> bit & 1);
}

void set_code(CodeWord* row, int64_t w, int code) {
  CodeWord& word = row[w / kCodesPerWord];
  const auto bit = static_cast<uint16_t>(1u << (w % kCodesPerWord));
  if (code > 0) word.above |= bit;
  if (code < 0) word.below |= bit;
}

// Sum over all pixels of term(n, d, h, w), in double, row by row.
template <class T, class Term>
double sum_over(const Exec& exec, View5<T> like, const Term& term) {
  const int64_t D = like.size(2), H = like.size(3), W = like.size(4);
  return parallel_sum(exec, like.size(0) * D * H, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    double sum = 0.0;
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t w = 0; w < W; ++w) sum += term(r / (D * H), r / H % D, r % H, w);
    }
    return sum;
  });
}

}  // namespace

template <class T>
void pdhg_forward_reference(const Exec& exec, const PdhgProblem<T>& problem, const PdhgParams& params,
                            const PdhgFields<T>& fields, const PdhgTapeView<T>& tape) {
  const auto& [x, x_bar, p, q] = fields;  // [N,1,D,H,W] three times, [N,A,D,H,W]
  const int64_t N = x.size(0), D = x.size(2), H = x.size(3), W = x.size(4);
  const T sigma = static_cast<T>(params.sigma), tau = static_cast<T>(params.tau),
          theta = static_cast<T>(params.theta);
  const BroadcastView<const T> z(problem.z), lambda(problem.lambda);
  const Buffer<T> g(q.extent);  // G x_bar     [N,A,D,H,W]
  const Buffer<T> d(x.extent);  // G' q+       [N,1,D,H,W]

  for (int64_t k = 0; k < params.n_iter; ++k) {
    // p+ = (p + sigma (x_bar - z)) / (1 + sigma)
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      const T* z_row = z.row(n, 0, i, j);
      const T* x_bar_row = &x_bar(n, 0, i, j, 0);
      T* p_row = &p(n, 0, i, j, 0);
      for (int64_t w = 0; w < W; ++w) {
        p_row[w] = (p_row[w] + sigma * (x_bar_row[w] - z_row[w * z.step()])) / (1 + sigma);
      }
    });

    // q+ = clip(q + sigma G x_bar, -lambda, lambda)
    gradient_forward<T>(exec, x_bar, params.axes, g());
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t a = 0; a < params.axes.count(); ++a) {
        const T* g_row = &g()(n, a, i, j, 0);
        const T* lambda_row = lambda.row(n, a, i, j);
        T* q_row = &q(n, a, i, j, 0);
        CodeWord* codes = tape.codes ? tape.code_row(n, k, i, j, a) : nullptr;
        if (codes) std::fill_n(codes, tape.layout.words(), CodeWord{});
        for (int64_t w = 0; w < W; ++w) {
          const T bound = lambda_row[w * lambda.step()];
          const T v = q_row[w] + sigma * g_row[w];
          const int code = v > bound ? 1 : v < -bound ? -1 : 0;
          q_row[w] = code > 0 ? bound : code < 0 ? -bound : v;
          if (codes) set_code(codes, w, code);
        }
      }
    });

    // x+ = x - tau p+ - tau G' q+,     x_bar+ = x+ + theta (x+ - x)
    gradient_adjoint_forward<T>(exec, q, params.axes, d());
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      const T* p_row = &p(n, 0, i, j, 0);
      const T* d_row = &d()(n, 0, i, j, 0);
      T* x_row = &x(n, 0, i, j, 0);
      T* x_bar_row = &x_bar(n, 0, i, j, 0);
      T* kept = tape.x ? tape.x_row(n, k, i, j) : nullptr;
      for (int64_t w = 0; w < W; ++w) {
        const T before = x_row[w];
        x_row[w] = before - tau * (p_row[w] + d_row[w]);
        x_bar_row[w] = x_row[w] + theta * (x_row[w] - before);
        if (kept) kept[w] = x_row[w];
      }
    });
  }
}

template <class T>
void pdhg_adjoint_reference(const Exec& exec, View5<const T> z, const PdhgParams& params,
                            const PdhgTapeView<T>& tape, View5<const T> grad_x,
                            const PdhgGradients<T>& grads) {
  const int64_t N = grad_x.size(0), D = grad_x.size(2), H = grad_x.size(3), W = grad_x.size(4);
  const int64_t A = params.axes.count();
  const T sigma = static_cast<T>(params.sigma), tau = static_cast<T>(params.tau),
          theta = static_cast<T>(params.theta);
  std::array<int64_t, 5> dual_extent = grad_x.extent;
  dual_extent[1] = A;
  const Buffer<T> ax(grad_x.extent), ab(grad_x.extent), ap(grad_x.extent), aq(dual_extent);
  const Buffer<T> c(grad_x.extent);                        // gradient at x+         [N,1,D,H,W]
  const Buffer<T> g(dual_extent);                          // G c, then G x_bar      [N,A,D,H,W]
  const Buffer<T> d(grad_x.extent);                        // G' av                  [N,1,D,H,W]
  const Buffer<T> x_bar(grad_x.extent), r(grad_x.extent);  // for the steps
  const bool lambda_shared = grads.lambda.size(1) == 1;
  std::ranges::copy(grad_x.flat(), ax().data);

  // x^k from the tape; x^0 and, where it is asked for, x^(-1) are z.
  const auto iterate_row = [&](int64_t n, int64_t k, int64_t i, int64_t j) -> const T* {
    return k > 0 ? tape.x_row(n, k - 1, i, j) : &z(n, 0, i, j, 0);
  };

  for (int64_t k = params.n_iter - 1; k >= 0; --k) {
    // c = ax + (1 + theta) ab
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t w = 0; w < W; ++w) {
        c()(n, 0, i, j, w) = ax()(n, 0, i, j, w) + (1 + theta) * ab()(n, 0, i, j, w);
      }
    });
    if (grads.steps != nullptr) {
      // theta^ += <ab, x+ - x>,     tau^ += <c, x+ - x> / tau
      const auto moved = [&](int64_t n, int64_t i, int64_t j, int64_t w) {
        return static_cast<double>(iterate_row(n, k + 1, i, j)[w]) -
               static_cast<double>(iterate_row(n, k, i, j)[w]);
      };
      grads.steps->theta += sum_over(exec, ab(), [&](int64_t n, int64_t i, int64_t j, int64_t w) {
        return ab()(n, 0, i, j, w) * moved(n, i, j, w);
      });
      grads.steps->tau += sum_over(exec, c(), [&](int64_t n, int64_t i, int64_t j, int64_t w) {
        return c()(n, 0, i, j, w) * moved(n, i, j, w) / params.tau;
      });
    }

    // bq = aq - tau G c,     lambda^ += s o bq,     aq <- av = bq where inside, else 0
    gradient_forward<T>(exec, c(), params.axes, g());
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t a = 0; a < A; ++a) {
        const CodeWord* codes = tape.code_row(n, k, i, j, a);
        T* grad_lambda = &grads.lambda(n, lambda_shared ? 0 : a, i, j, 0);
        for (int64_t w = 0; w < W; ++w) {
          const int s = code_at(codes, w);
          const T bq = aq()(n, a, i, j, w) - tau * g()(n, a, i, j, w);
          if (s != 0) grad_lambda[w] += static_cast<T>(s) * bq;
          aq()(n, a, i, j, w) = s == 0 ? bq : T(0);
        }
      }
    });
    if (grads.steps != nullptr) {
      // sigma^ += <av, G x_bar>
      for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
        const T* now = iterate_row(n, k, i, j);
        const T* before = iterate_row(n, k - 1, i, j);
        for (int64_t w = 0; w < W; ++w) x_bar()(n, 0, i, j, w) = now[w] + theta * (now[w] - before[w]);
      });
      gradient_forward<T>(exec, x_bar(), params.axes, g());
      grads.steps->sigma += sum_over(exec, c(), [&](int64_t n, int64_t i, int64_t j, int64_t w) {
        double sum = 0.0;
        for (int64_t a = 0; a < A; ++a) {
          sum += static_cast<double>(aq()(n, a, i, j, w)) * static_cast<double>(g()(n, a, i, j, w));
        }
        return sum;
      });
    }

    // bp = ap - tau c,     ap <- bp / (1 + sigma),     z^ -= sigma / (1 + sigma) bp
    // ab <- sigma G' av + sigma / (1 + sigma) bp,     ax <- c - theta ab
    gradient_adjoint_forward<T>(exec, aq(), params.axes, d());
    for_each_row(exec, N, D, H, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t w = 0; w < W; ++w) {
        const T c_w = c()(n, 0, i, j, w);
        const T bp = ap()(n, 0, i, j, w) - tau * c_w;
        const T ap_new = bp / (1 + sigma);
        ap()(n, 0, i, j, w) = ap_new;
        ax()(n, 0, i, j, w) = c_w - theta * ab()(n, 0, i, j, w);
        ab()(n, 0, i, j, w) = sigma * (d()(n, 0, i, j, w) + ap_new);
        if (grads.z.data != nullptr) grads.z(n, 0, i, j, w) -= sigma * ap_new;
      }
    });
    if (grads.steps != nullptr) {
      // r = (bp + r) / (1 + sigma) = ap + r / (1 + sigma),     sigma^ += <r - r before, x_bar - z> / (1 + sigma)
      grads.steps->sigma += sum_over(exec, c(), [&](int64_t n, int64_t i, int64_t j, int64_t w) {
        const T r_before = r()(n, 0, i, j, w);
        const T r_new = ap()(n, 0, i, j, w) + r_before / (1 + sigma);
        r()(n, 0, i, j, w) = r_new;
        return (static_cast<double>(r_new) - r_before) *
               (static_cast<double>(x_bar()(n, 0, i, j, w)) - z(n, 0, i, j, w)) / (1 + params.sigma);
      });
    }
  }

  // The start: x = x_bar = z, and p = z where it is noisy.
  const bool p_is_z = params.p_start == PdhgStart::noisy;
  if (grads.z.data != nullptr) {
    for (int64_t i = 0; i < grad_x.numel(); ++i) {
      grads.z.data[i] += ax().data[i] + ab().data[i] + (p_is_z ? ap().data[i] : T(0));
    }
  }
  if (grads.steps != nullptr && p_is_z) {
    // sigma^ -= <r, p^0> / (1 + sigma)
    grads.steps->sigma -= sum_over(exec, c(), [&](int64_t n, int64_t i, int64_t j, int64_t w) {
      return static_cast<double>(r()(n, 0, i, j, w)) * z(n, 0, i, j, w) / (1 + params.sigma);
    });
  }
}

#define PRIMAL_INSTANTIATE(T)                                                                 \
  template void pdhg_forward_reference(const Exec&, const PdhgProblem<T>&, const PdhgParams&, \
                                       const PdhgFields<T>&, const PdhgTapeView<T>&);         \
  template void pdhg_adjoint_reference(const Exec&, View5<const T>, const PdhgParams&,        \
                                       const PdhgTapeView<T>&, View5<const T>, const PdhgGradients<T>&);
PRIMAL_INSTANTIATE(float)
PRIMAL_INSTANTIATE(double)
#undef PRIMAL_INSTANTIATE

}  // namespace primal::cpu
