// Runs PDHG's kernels on a case and gives the bits of all that they write, for tests that compare
// implementations.
#pragma once

#include <bit>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "solvers/pdhg/pdhg.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "support/pictures.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"

namespace primal::testing {

struct PdhgCase {
  Shape z;
  int64_t T;
  Shape lambda;  // [N,1,D,H,W] and [N,2,D,H,W]: their gradients are compared too
  PdhgStart start = PdhgStart::noisy;
  double sigma = 0.3, tau = 0.35, theta = 0.75;
  double largest_lambda = 0.2;

  // One picture may have many weights.
  Shape x() const { return z.with(0, lambda[0] > z[0] ? lambda[0] : z[0]); }
};

inline std::ostream& operator<<(std::ostream& out, const PdhgCase& c) {
  return out << c.z.str() << " lambda " << c.lambda.str() << " T=" << c.T;
}

using Bits = std::vector<uint32_t>;

struct PdhgResult {
  Bits forward, tape, gradients;
  std::vector<double> steps;
};

inline void append(Bits& to, const Tensor& t) {
  for (const float value : t.to(Device{}).span<float>()) to.push_back(std::bit_cast<uint32_t>(value));
}

// What is defined of a tape: bits and iterates within the width.
inline void append(Bits& to, const PdhgTapeView<float>& tape) {
  const PdhgTapeLayout& layout = tape.layout;
  for (int64_t row = 0; row < layout.rows(); ++row) {
    for (int64_t a = 0; a < layout.A; ++a) {
      for (int64_t w = 0; w < layout.W; ++w) {
        const CodeWord word = tape.codes[(row * layout.A + a) * layout.words() + w / kCodesPerWord];
        const auto bit = static_cast<unsigned>(w % kCodesPerWord);
        to.push_back((word.above >> bit & 1U) | (word.below >> bit & 1U) << 1U);
      }
    }
    for (int64_t w = 0; w < layout.W && tape.x != nullptr; ++w)
      to.push_back(std::bit_cast<uint32_t>(tape.x[row * layout.padded() + w]));
  }
}

inline PdhgTapeView<float> tape_of(const PdhgTapeLayout& layout, const Tensor& codes, const Tensor& x) {
  return {layout, reinterpret_cast<CodeWord*>(codes.device_span<uint8_t>().data()),
          x.numel() > 0 ? x.device_span<float>().data() : nullptr};
}

struct PdhgRun {
  bool tape = true, learnt = true, want_z = true;
  bool unset = true;  // the fields hold nothing before, if the kernels can begin like that
  Device device = Device::simt();
};

// Forward and, with a tape, the adjoint of a case, from numbers that depend on its shapes alone.
inline PdhgResult run(const PdhgKernels<float>& kernels, const PdhgCase& c, const PdhgRun& options = {}) {
  const auto there = [&](const Tensor& t) { return t.to(DType::f32).to(options.device); };
  const Exec exec = exec_on(options.device);
  const PdhgParams params{
      .n_iter = c.T, .sigma = c.sigma, .tau = c.tau, .theta = c.theta, .axes = {3, 4}, .p_start = c.start};
  const Tensor z = there(random_uniform(c.z, 0.0, 1.0, 1)), upstream = there(random_normal(c.x(), 3));
  const Tensor lambda = there(random_uniform(c.lambda, 0.01, c.largest_lambda, 2));
  const Tensor steps = there(Tensor::from(Shape{3}, std::vector<double>{c.sigma, c.tau, c.theta}));
  const PdhgProblem<float> problem{z.device_view5<const float>(), lambda.device_view5<const float>(),
                                   options.learnt ? steps.device_span<const float>().data() : nullptr};
  const bool unset = options.unset && kernels.starts && c.T > 0;
  const auto empty = [&](int64_t n) { return Tensor::empty(c.x().with(1, n), DType::f32, options.device); };
  const PdhgState state =
      unset ? PdhgState{empty(1), empty(1), empty(1), empty(2)} : pdhg_start(z, params, c.x()[0]);
  const PdhgTapeLayout layout{c.x()[0], c.T, 2, c.z[2], c.z[3], c.z[4]};
  const Tensor codes = Tensor::zeros({layout.n_code_words() * 4}, DType::u8, options.device);
  const Tensor x = Tensor::zeros({options.learnt ? layout.n_x() : 0}, DType::f32, options.device);
  const PdhgTapeView<float> view = options.tape ? tape_of(layout, codes, x) : PdhgTapeView<float>{};
  kernels.forward(exec, problem, params,
                  {state.x.device_view5<float>(), state.x_bar.device_view5<float>(),
                   state.p.device_view5<float>(), state.q.device_view5<float>(), unset},
                  view);
  PdhgResult result;
  for (const Tensor& t : {state.x, state.x_bar, state.p, state.q}) append(result.forward, t);
  if (!options.tape) return result;
  append(result.tape, tape_of(layout, codes.to(Device{}), x.to(Device{})));

  // Gradients are added to what is there.
  const Tensor grad_z = Tensor::full(c.z, 0.5, DType::f32, options.device);
  const Tensor grad_lambda = Tensor::full(c.lambda, -0.5, DType::f32, options.device);
  const Tensor grad_steps = Tensor::full({3}, 0.25, DType::f32, options.device);
  PdhgGradients<float> grads;
  if (options.want_z) grads.z = grad_z.device_view5<float>();
  grads.lambda = grad_lambda.device_view5<float>();
  for (int64_t i = 0; i < 3 && options.learnt; ++i)
    grads.device_steps[static_cast<size_t>(i)] = grad_steps.device_span<float>().data() + i;
  kernels.adjoint(exec, problem, params, view, upstream.device_view5<const float>(), grads);
  append(result.gradients, grad_z);
  append(result.gradients, grad_lambda);
  result.steps = grad_steps.to_doubles();
  return result;
}

inline const PdhgImplementation<float>& named(std::string_view name, Device device) {
  for (const PdhgImplementation<float>* one : pdhg_ladder.f32) {
    if (one->info.name == name && one->info.device == device.kind) return *one;
  }
  throw CheckFailed("no implementation '{}' on {}", name, device.str());
}

// What a recording says of a run: its first race, or the fault that ended it.
inline std::string found_in(const PdhgKernels<float>& kernels, const PdhgCase& c) {
  simt::Recording recording;
  try {
    run(kernels, c);
    require_no_races(recording.launches());
  } catch (const CheckFailed& error) {
    return error.what();
  }
  return "";
}

}  // namespace primal::testing
