// The reference: the update lines of pdhg.h one by one, each a pass over memory, for any axes, in f32 and
// f64.
#include <algorithm>
#include <vector>

#include "solvers/difference/difference_kernels.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/scratch.h"

namespace primal::cpu {
namespace {

constexpr int64_t kRowsPerChunk = 16;

// Calls body(n, d, h) for every row of N volumes [D,H,W].
template <class Body>
void for_each_row(const Exec& exec, int64_t N, int64_t D, int64_t H, const Body& body) {
  parallel_for(exec, N * D * H, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r / (D * H), r / H % D, r % H);
  });
}

// Scratch with the extents of an NCDHW view, zero at first.
template <class T>
class Buffer {
 public:
  Buffer(const Exec& exec, std::array<int64_t, 5> extent)
      : memory_(exec, View5<T>{nullptr, extent}.numel()), view_{memory_.data(), extent} {
    parallel_for(exec, view_.numel(), 1 << 14,
                 [&](int64_t begin, int64_t end) { std::fill(view_.data + begin, view_.data + end, T(0)); });
  }
  const View5<T>& operator()() const { return view_; }

 private:
  Scratch<T> memory_;
  View5<T> view_;
};

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

// Sum of term(n, d, h, w) over all pixels of N volumes, in double, row by row.
template <class T, class Term>
double sum_pixels(const Exec& exec, View5<T> like, const Term& term) {
  const int64_t D = like.size(2), H = like.size(3), W = like.size(4);
  return parallel_sum(exec, like.size(0) * D * H, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    double sum = 0.0;
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t w = 0; w < W; ++w) sum += term(r / (D * H), r / H % D, r % H, w);
    }
    return sum;
  });
}

template <class T>
void forward(const Exec& exec, const PdhgProblem<T>& problem, const PdhgParams& params,
             const PdhgFields<T>& fields, const PdhgTapeView<T>& tape) {
  const View5<T> x = fields.x, x_bar = fields.x_bar, p = fields.p;  // [N,1,D,H,W]
  const View5<T> q = fields.q;                                      // [N,A,D,H,W]
  const int64_t N = x.size(0), D = x.size(2), H = x.size(3), W = x.size(4);
  const T sigma = static_cast<T>(params.sigma), tau = static_cast<T>(params.tau),
          theta = static_cast<T>(params.theta);
  const BroadcastView<const T> z(problem.z), lambda(problem.lambda);
  const Buffer<T> g(exec, q.extent);  // G x_bar     [N,A,D,H,W]
  const Buffer<T> d(exec, x.extent);  // G' q+       [N,1,D,H,W]

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
    difference_reference<T>().gradient_forward(exec, x_bar, params.axes, g());
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
    difference_reference<T>().gradient_adjoint_forward(exec, q, params.axes, d());
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

// The adjoint, line by line as in pdhg.h; one function per group of lines, in the order in which a step back
// takes them.
template <class T>
class Adjoint {
 public:
  Adjoint(const Exec& exec, View5<const T> z, const PdhgParams& params, const PdhgTapeView<T>& tape,
          View5<const T> grad_x, const PdhgGradients<T>& grads)
      : exec_(exec),
        z_(z),
        params_(params),
        tape_(tape),
        grads_(grads),
        N_(grad_x.size(0)),
        A_(params.axes.count()),
        D_(grad_x.size(2)),
        H_(grad_x.size(3)),
        W_(grad_x.size(4)),
        ax_(exec, {N_, 1, D_, H_, W_}),
        ab_(exec, ax_().extent),
        ap_(exec, ax_().extent),
        c_(exec, ax_().extent),
        div_(exec, ax_().extent),
        x_bar_(exec, ax_().extent),
        r_(exec, ax_().extent),
        aq_(exec, {N_, A_, D_, H_, W_}),
        g_(exec, aq_().extent) {
    for_each_row(exec, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
      std::copy_n(&grad_x(n, 0, i, j, 0), W_, &ax_()(n, 0, i, j, 0));
    });
  }

  void run() {
    for (int64_t k = params_.n_iter - 1; k >= 0; --k) {
      combine();
      if (grads_.steps) add_theta_and_tau(k);
      dual_step(k);
      if (grads_.steps) add_sigma_through_q(k);
      primal_step();
      if (grads_.steps) add_sigma_through_p();
    }
    start();
  }

 private:
  // c = ax + (1 + theta) ab
  void combine() {
    for_each_row(exec_, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t w = 0; w < W_; ++w) {
        c_()(n, 0, i, j, w) = ax_()(n, 0, i, j, w) + (1 + theta_) * ab_()(n, 0, i, j, w);
      }
    });
  }

  // bq = aq - tau G c,     lambda^ += s o bq,     aq <- av = bq where inside, else 0
  void dual_step(int64_t k) {
    const bool shared = grads_.lambda.size(1) == 1;
    difference_reference<T>().gradient_forward(exec_, c_(), params_.axes, g_());
    for_each_row(exec_, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t a = 0; a < A_; ++a) {
        const CodeWord* codes = tape_.code_row(n, k, i, j, a);
        const T* g = &g_()(n, a, i, j, 0);
        T* grad_lambda = &grads_.lambda(n, shared ? 0 : a, i, j, 0);
        T* aq = &aq_()(n, a, i, j, 0);
        for (int64_t w = 0; w < W_; ++w) {
          const int s = code_at(codes, w);
          const T bq = aq[w] - tau_ * g[w];
          if (s != 0) grad_lambda[w] += static_cast<T>(s) * bq;
          aq[w] = s == 0 ? bq : T(0);
        }
      }
    });
  }

  // bp = ap - tau c,     z^ -= sigma / (1 + sigma) bp,     ap <- bp / (1 + sigma)
  // ax <- c - theta ab,     ab <- sigma G' av + sigma / (1 + sigma) bp
  void primal_step() {
    difference_reference<T>().gradient_adjoint_forward(exec_, aq_(), params_.axes, div_());
    for_each_row(exec_, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
      for (int64_t w = 0; w < W_; ++w) {
        const T c = c_()(n, 0, i, j, w);
        const T bp = ap_()(n, 0, i, j, w) - tau_ * c;
        const T ap = bp / (1 + sigma_);
        if (grads_.z.data) grads_.z(n, 0, i, j, w) -= sigma_ * ap;
        ap_()(n, 0, i, j, w) = ap;
        ax_()(n, 0, i, j, w) = c - theta_ * ab_()(n, 0, i, j, w);
        ab_()(n, 0, i, j, w) = sigma_ * (div_()(n, 0, i, j, w) + ap);
      }
    });
  }

  // At the start x = x_bar = z, and p = z where it is noisy.
  void start() {
    const bool noisy = params_.p_start == PdhgStart::noisy;
    if (grads_.z.data) {
      for_each_row(exec_, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
        for (int64_t w = 0; w < W_; ++w) {
          const T ap = noisy ? ap_()(n, 0, i, j, w) : T(0);
          grads_.z(n, 0, i, j, w) += ax_()(n, 0, i, j, w) + ab_()(n, 0, i, j, w) + ap;
        }
      });
    }
    if (grads_.steps && noisy) {  // sigma^ -= <r, p^0> / (1 + sigma)
      grads_.steps->sigma -= sum([&](int64_t n, int64_t i, int64_t j, int64_t w) {
        return static_cast<double>(r_()(n, 0, i, j, w)) * z_(n, 0, i, j, w) / (1 + params_.sigma);
      });
    }
  }

  // theta^ += <ab, x+ - x>,     tau^ += <c, x+ - x> / tau
  void add_theta_and_tau(int64_t k) {
    const auto moved = [&](int64_t n, int64_t i, int64_t j, int64_t w) {
      return static_cast<double>(iterate_row(n, k + 1, i, j)[w]) -
             static_cast<double>(iterate_row(n, k, i, j)[w]);
    };
    grads_.steps->theta += sum(
        [&](int64_t n, int64_t i, int64_t j, int64_t w) { return ab_()(n, 0, i, j, w) * moved(n, i, j, w); });
    grads_.steps->tau += sum([&](int64_t n, int64_t i, int64_t j, int64_t w) {
      return c_()(n, 0, i, j, w) * moved(n, i, j, w) / params_.tau;
    });
  }

  // sigma^ += <av, G x_bar>
  void add_sigma_through_q(int64_t k) {
    for_each_row(exec_, N_, D_, H_, [&](int64_t n, int64_t i, int64_t j) {
      const T* now = iterate_row(n, k, i, j);
      const T* before = iterate_row(n, k - 1, i, j);
      for (int64_t w = 0; w < W_; ++w) x_bar_()(n, 0, i, j, w) = now[w] + theta_ * (now[w] - before[w]);
    });
    difference_reference<T>().gradient_forward(exec_, x_bar_(), params_.axes, g_());
    grads_.steps->sigma += sum([&](int64_t n, int64_t i, int64_t j, int64_t w) {
      double dot = 0.0;
      for (int64_t a = 0; a < A_; ++a) {
        dot += static_cast<double>(aq_()(n, a, i, j, w)) * static_cast<double>(g_()(n, a, i, j, w));
      }
      return dot;
    });
  }

  // r = (bp + r_next) / (1 + sigma) = ap + r_next / (1 + sigma)
  // sigma^ += <r - r_next, x_bar - z> / (1 + sigma)
  void add_sigma_through_p() {
    grads_.steps->sigma += sum([&](int64_t n, int64_t i, int64_t j, int64_t w) {
      const T r_next = r_()(n, 0, i, j, w);
      const T r = ap_()(n, 0, i, j, w) + r_next / (1 + sigma_);
      r_()(n, 0, i, j, w) = r;
      const double residual = static_cast<double>(x_bar_()(n, 0, i, j, w)) - z_(n, 0, i, j, w);
      return (static_cast<double>(r) - r_next) * residual / (1 + params_.sigma);
    });
  }

  // Row (i,j) of x^k from the tape; x^0 is z, and x^(-1) is read as z too, so that x_bar^0 = x^0.
  const T* iterate_row(int64_t n, int64_t k, int64_t i, int64_t j) const {
    return k > 0 ? tape_.x_row(n, k - 1, i, j) : &z_(n, 0, i, j, 0);
  }

  template <class Term>
  double sum(const Term& term) const {
    return sum_pixels(exec_, ax_(), term);
  }

  const Exec& exec_;
  View5<const T> z_;
  const PdhgParams& params_;
  const PdhgTapeView<T>& tape_;
  const PdhgGradients<T>& grads_;
  int64_t N_, A_, D_, H_, W_;
  T sigma_ = static_cast<T>(params_.sigma), tau_ = static_cast<T>(params_.tau),
    theta_ = static_cast<T>(params_.theta);
  Buffer<T> ax_, ab_, ap_, c_, div_;  // [N,1,D,H,W]; div: G' av
  Buffer<T> x_bar_, r_;               // [N,1,D,H,W], for the steps
  Buffer<T> aq_, g_;                  // [N,A,D,H,W]; g: G c, then G x_bar
};

template <class T>
void adjoint(const Exec& exec, const PdhgProblem<T>& problem, const PdhgParams& params,
             const PdhgTapeView<T>& tape, View5<const T> grad_x, const PdhgGradients<T>& grads) {
  Adjoint<T>(exec, problem.z, params, tape, grad_x, grads).run();
}

bool anything(const PdhgGeometry&) { return true; }

template <class T>
constexpr PdhgImplementation<T> kReferenceOf{{kReference, "each update line a pass over memory"},
                                             anything,
                                             {forward<T>, adjoint<T>, pdhg_add_reduced<T>}};

}  // namespace

template <class T>
void pdhg_add_reduced(const Exec& exec, View5<const T> full, View5<T> to) {
  parallel_for(exec, 1, 1, [&](int64_t, int64_t) {  // one thread: the sums keep their order
    std::vector<double> sums(static_cast<size_t>(to.numel()), 0.0);
    double* const sum_of = sums.data();
    const auto index = [&](int axis, int64_t i) { return to.size(axis) == 1 ? 0 : i; };
    const T* value = full.data;
    for (int64_t n = 0; n < full.size(0); ++n) {
      for (int64_t c = 0; c < full.size(1); ++c) {
        for (int64_t d = 0; d < full.size(2); ++d) {
          for (int64_t h = 0; h < full.size(3); ++h) {
            const int64_t plane = (index(0, n) * to.size(1) + index(1, c)) * to.size(2) + index(2, d);
            const int64_t row = plane * to.size(3) + index(3, h);
            for (int64_t w = 0; w < full.size(4); ++w) sum_of[row * to.size(4) + index(4, w)] += *value++;
          }
        }
      }
    }
    const std::span<T> out = to.flat();
    for (size_t i = 0; i < out.size(); ++i) out[i] += static_cast<T>(sums[i]);
  });
}

template void pdhg_add_reduced(const Exec&, View5<const float> full, View5<float> to);
template void pdhg_add_reduced(const Exec&, View5<const double> full, View5<double> to);

const PdhgImplementation<float> pdhg_reference_f32 = kReferenceOf<float>;
const PdhgImplementation<double> pdhg_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
