// PDHG pass by pass, on the thesis picture (256x256, T = 256) and on one small and one large, on every
// implementation.
//
//   PRIMAL_THREADS=2 build/release/bench/bench_solvers_pdhg --benchmark_filter=fused
//
//   forward         iterations alone (denoising)          forward_tape    codes written
//   adjoint         gradient of lambda                    forward_tape_x  codes and iterates written
//   adjoint_z       of lambda and z                       adjoint_steps   of lambda, sigma, tau and theta
//   grid            iterations of one picture with 12 scalar lambdas, as a grid search makes them
//
// A case first compares what it computes with the reference and is skipped with an error where they disagree.
// "Gpx/s" counts pixels times iterations, "tape_MB" is what the pass keeps or reads.
#include <benchmark/benchmark.h>
#include <cmath>

#include "bench/cases.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "solvers/pdhg/pdhg_tape_owner.h"
#include "tensor/random.h"

namespace primal {
namespace {

using Kernels = PdhgKernels<float>;
enum class Pass { forward, forward_tape, forward_tape_x, adjoint, adjoint_z, adjoint_steps };

constexpr std::pair<Pass, const char*> kPasses[] = {
    {Pass::forward, "forward"},
    {Pass::forward_tape, "forward_tape"},
    {Pass::forward_tape_x, "forward_tape_x"},
    {Pass::adjoint, "adjoint"},
    {Pass::adjoint_z, "adjoint_z"},
    {Pass::adjoint_steps, "adjoint_steps"},
};

Tensor uniform(const Shape& shape, double low, double high, uint64_t seed) {
  const Tensor t = Tensor::empty(shape);
  RandomStream(seed, RandomPurpose::test).fill_uniform(t, low, high);
  return t;
}

// A picture with all that the passes read and write.
class Problem {
 public:
  Problem(int64_t side, int64_t n_iter)
      : z_(uniform({1, 1, 1, side, side}, 0.0, 1.0, 1)),
        lambda_(uniform({1, 2, 1, side, side}, 0.01, 0.1, 2)),
        upstream_(uniform(z_.shape(), -1.0, 1.0, 3)),
        tape_({1, n_iter, 2, 1, side, side}, DType::f32, false),
        tape_x_({1, n_iter, 2, 1, side, side}, DType::f32, true) {
    params_.n_iter = n_iter;
    params_.p_start = PdhgStart::noisy;
  }

  double pixel_iterations() const { return static_cast<double>(z_.numel() * params_.n_iter); }
  int64_t tape_bytes(Pass pass) const {
    if (pass == Pass::forward) return 0;
    return keeps_x(pass) ? tape_x_.bytes() : tape_.bytes();
  }

  // Runs a pass; the adjoints need a forward pass with a tape before.
  void run(const Kernels& kernels, Pass pass) {
    const PdhgTapeView<float> tape = pass == Pass::forward ? PdhgTapeView<float>{}
                                     : keeps_x(pass)       ? tape_x_.view<float>()
                                                           : tape_.view<float>();
    if (is_adjoint(pass)) {
      PdhgGradients<float> grads;
      grads.lambda = grad_lambda_.view5<float>();
      if (pass == Pass::adjoint_z) grads.z = grad_z_.view5<float>();
      if (pass == Pass::adjoint_steps) grads.steps = &steps_;
      return kernels.adjoint(Exec{}, {z_.view5<const float>(), {}}, params_, tape,
                             upstream_.view5<const float>(), grads);
    }
    kernels.forward(Exec{}, {z_.view5<const float>(), lambda_.view5<const float>()}, params_,
                    {state_.x.view5<float>(), state_.x_bar.view5<float>(), state_.p.view5<float>(),
                     state_.q.view5<float>()},
                    tape);
  }

  // Result of a pass from a fresh start.
  Tensor result(const Kernels& kernels, Pass pass) {
    state_ = pdhg_start(z_, params_);
    grad_lambda_ = Tensor::zeros(lambda_.shape());
    grad_z_ = Tensor::zeros(z_.shape());
    if (is_adjoint(pass)) run(kernels, keeps_x(pass) ? Pass::forward_tape_x : Pass::forward_tape);
    run(kernels, pass);
    return is_adjoint(pass) ? grad_lambda_ : state_.x;
  }

 private:
  static bool is_adjoint(Pass pass) { return pass >= Pass::adjoint; }
  static bool keeps_x(Pass pass) { return pass == Pass::forward_tape_x || pass == Pass::adjoint_steps; }

  PdhgParams params_;
  Tensor z_, lambda_, upstream_, grad_z_, grad_lambda_;
  PdhgState state_;
  PdhgTape tape_, tape_x_;
  PdhgStepGradients steps_;
};

double relative_difference(const Tensor& a, const Tensor& b) {
  double difference = 0.0, norm = 0.0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double u = a.data<float>()[i], v = b.data<float>()[i];
    difference += (u - v) * (u - v);
    norm += v * v;
  }
  return std::sqrt(difference / norm);
}

void run_case(benchmark::State& state, Pass pass, const Kernels& kernels, int64_t side, int64_t n_iter) {
  Problem problem(side, n_iter);
  const Tensor expected = problem.result(cpu::pdhg_reference_f32.kernels, pass);
  const double error = relative_difference(problem.result(kernels, pass), expected);
  const double allowed = pass < Pass::adjoint ? 2e-6 : 5e-3;  // gradients: some codes flip by rounding
  if (!(error <= allowed)) {
    return state.SkipWithError(fmt::format("differs from the reference by {:.2g}", error).c_str());
  }
  for (auto _ : state) problem.run(kernels, pass);
  const double n = problem.pixel_iterations() * static_cast<double>(state.iterations()) * 1e-9;
  state.counters["Gpx/s"] = benchmark::Counter(n, benchmark::Counter::kIsRate);
  state.counters["tape_MB"] = static_cast<double>(problem.tape_bytes(pass)) * 1e-6;
}

// Independent problems that share z: the grid search.
void run_grid(benchmark::State& state, const Kernels& kernels, int64_t n, int64_t side, int64_t n_iter) {
  const Tensor z = uniform({1, 1, 1, side, side}, 0.0, 1.0, 1);
  const Tensor lambda = uniform({n, 1, 1, 1, 1}, 0.01, 0.4, 2);
  const PdhgParams params = {.n_iter = n_iter};
  const auto run = [&](const Kernels& k, const PdhgState& s) {
    k.forward(Exec{}, {z.view5<const float>(), lambda.view5<const float>()}, params,
              {s.x.view5<float>(), s.x_bar.view5<float>(), s.p.view5<float>(), s.q.view5<float>()}, {});
  };
  const PdhgState expected = pdhg_start(z, params, n), fields = pdhg_start(z, params, n);
  run(cpu::pdhg_reference_f32.kernels, expected);
  run(kernels, fields);
  const double error = relative_difference(fields.x, expected.x);
  if (!(error <= 2e-6)) {
    return state.SkipWithError(fmt::format("differs from the reference by {:.2g}", error).c_str());
  }
  for (auto _ : state) run(kernels, fields);
  const auto pixels = static_cast<double>(fields.x.numel() * n_iter);
  state.counters["Gpx/s"] = benchmark::Counter(pixels * static_cast<double>(state.iterations()) * 1e-9,
                                               benchmark::Counter::kIsRate);
}

struct Picture {
  const char* name;
  int64_t side, n_iter;
};
constexpr Picture kPictures[] = {{"thesis", 256, 256}, {"small_64", 64, 256}, {"large_1024", 1024, 32}};

void register_grids() {
  for (const auto* each : pdhg_ladder.f32) {
    const auto& implementation = *each;
    if (implementation.info.device != Device::Kind::cpu)
      continue;  // `primal profile --device cuda` times those
    for (const Picture& p : kPictures) {
      benchmark::RegisterBenchmark(
          fmt::format("pdhg_grid/{}/f32/{}", implementation.info.name, p.name).c_str(),
          [&implementation, p](benchmark::State& state) {
            run_grid(state, implementation.kernels, 12, p.side, p.n_iter);
          })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
}

void register_passes() {
  for (const auto& [pass, name] : kPasses) {
    for (const auto* each : pdhg_ladder.f32) {
      const auto& implementation = *each;
      if (implementation.info.device != Device::Kind::cpu) continue;
      for (const Picture& p : kPictures) {
        benchmark::RegisterBenchmark(
            fmt::format("pdhg_{}/{}/f32/{}", name, implementation.info.name, p.name).c_str(),
            [pass = pass, &implementation, p](benchmark::State& state) {
              run_case(state, pass, implementation.kernels, p.side, p.n_iter);
            })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace

void register_cases() {
  register_passes();
  register_grids();
}

}  // namespace primal
