// The fused kernels against the reference: on every instruction set, for any number of threads, from the same
// codes.
#include "solvers/pdhg/cpu/pdhg_fused.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <memory>
#include <vector>

#include "solvers/pdhg/pdhg.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "solvers/pdhg/pdhg_tape_owner.h"
#include "support/pictures.h"
#include "tensor/op/op.h"

namespace primal {
namespace {

// Makes the kernels run on one instruction set while it lives.
class OnTarget {
 public:
  explicit OnTarget(int64_t target) { choose(target); }
  ~OnTarget() { choose(0); }
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;

 private:
  static void choose(int64_t target) {  // 0: the best of this machine
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

struct Case {
  Shape z;
  Axes axes;
  int64_t T;
  PdhgStart start = PdhgStart::noisy;
  bool shared = false;  // one lambda for all axes
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.z.str() << " axes " << c.axes.str() << " T=" << c.T;
}

struct Result {
  Tensor x, x_bar, p, q, grad_z, grad_lambda;
  PdhgStepGradients steps;
  PdhgTape tape;
};

// Forward and adjoint of a case whose numbers depend on its shape alone.
template <class T>
Result run(const PdhgKernels<T>& kernels, const Case& c, int n_threads = 2) {
  const DType dtype = dtype_of<T>();
  const Tensor z = random_uniform(c.z, 0.0, 1.0, 1).to(DType::f32).to(dtype);
  const Tensor lambda =
      random_uniform(c.z.with(1, c.shared ? 1 : c.axes.count()), 0.01, 0.2, 2).to(DType::f32).to(dtype);
  const Tensor upstream = random_normal(c.z, 3).to(DType::f32).to(dtype);
  const double step = static_cast<float>(1.0 / pdhg_norm(c.axes));
  const PdhgParams params{
      .n_iter = c.T, .sigma = step, .tau = 0.9f * step, .theta = 0.75, .axes = c.axes, .p_start = c.start};
  const Exec exec{n_threads};
  const PdhgState state = pdhg_start(z, params);
  Result r;
  r.tape = PdhgTape({c.z[0], c.T, c.axes.count(), c.z[2], c.z[3], c.z[4]}, dtype, true);
  kernels.forward(exec, {z.view5<const T>(), lambda.view5<const T>()}, params,
                  {state.x.view5<T>(), state.x_bar.view5<T>(), state.p.view5<T>(), state.q.view5<T>()},
                  r.tape.template view<T>());
  r.x = state.x, r.x_bar = state.x_bar, r.p = state.p, r.q = state.q;
  r.grad_z = Tensor::full(c.z, 0.5, dtype);  // gradients are added to what is there
  r.grad_lambda = Tensor::full(lambda.shape(), -0.5, dtype);
  kernels.adjoint(exec, {z.view5<const T>(), {}}, params, r.tape.template view<T>(),
                  upstream.view5<const T>(), {r.grad_z.view5<T>(), r.grad_lambda.view5<T>(), &r.steps});
  return r;
}

const Case kCases[] = {
    {{1, 1, 1, 130, 64}, {3, 4}, 24},                         // whole code words, several strips
    {{2, 1, 1, 120, 37}, {3, 4}, 17, PdhgStart::zero},        // odd width, several strips
    {{1, 1, 1, 7, 130}, {3, 4}, 40},                          //
    {{2, 1, 3, 9, 20}, {3, 4}, 17, PdhgStart::noisy, true},   // slices, lambda shared by the axes
    {{1, 1, 1, 5, 1}, {3, 4}, 6},                             // one pixel wide
    {{1, 1, 1, 1, 33}, {3, 4}, 6},                            // one row
    {{3, 1, 1, 1, 1}, {3, 4}, 5},                             // one pixel
    {{1, 1, 1, 2, 17}, {3, 4}, 1},                            //
    {{1, 1, 9, 24, 30}, {2, 3, 4}, 20},                       // frames, two strips
    {{2, 1, 2, 5, 18}, {2, 3, 4}, 7, PdhgStart::zero, true},  //
    {{1, 1, 1, 6, 5}, {2, 3, 4}, 4},                          // one frame
    {{5, 1, 1, 132, 130}, {3, 4}, 14},                        // whole pictures, the last ones shared
    {{5, 1, 8, 33, 65}, {2, 3, 4}, 5},                        // whole sequences, the last ones shared
};

double worst_output(const Result& a, const Result& b) {
  const auto error = [](const Tensor& u, const Tensor& v) {
    return relative_l2(u.to(DType::f64), v.to(DType::f64));
  };
  return std::max({error(a.x, b.x), error(a.x_bar, b.x_bar), error(a.p, b.p), error(a.q, b.q)});
}

TEST(PdhgFused, StaysWithinFloatRoundingOfTheReferenceInDoubleOnEveryInstructionSet) {
  std::vector<Result> references;
  for (const Case& c : kCases) references.push_back(run<double>(cpu::pdhg_reference_f64.kernels, c));
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const OnTarget on(target);
    for (size_t i = 0; i < references.size(); ++i) {
      const Case& c = kCases[i];
      const Result fused = run<float>(cpu::pdhg_fused.kernels, c);
      const Result& reference = references[i];
      const auto where = testing::Message() << c << " on " << hwy::TargetName(target);
      EXPECT_LT(worst_output(fused, reference), 2e-6) << where;  // measured 5e-7
      EXPECT_LT(relative_l2(fused.grad_z.to(DType::f64), reference.grad_z), 1e-3)
          << where;  // measured 2e-7: no code flipped
      EXPECT_LT(relative_l2(fused.grad_lambda.to(DType::f64), reference.grad_lambda), 1e-3) << where;
    }
  }
}

TEST(PdhgFused, ReplaysTheSameTapeAsTheReferenceInFloat) {
  // The codes decide which branch the adjoint takes; with the same codes and iterates only rounding is left.
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const OnTarget on(target);
    for (const Case& c : kCases) {
      const auto where = testing::Message() << c << " on " << hwy::TargetName(target);
      const Result fused = run<float>(cpu::pdhg_fused.kernels, c);
      const PdhgKernels<float> replay = {cpu::pdhg_fused.kernels.forward,
                                         cpu::pdhg_reference_f32.kernels.adjoint,
                                         cpu::pdhg_fused.kernels.add_reduced};
      const Result reference = run<float>(replay, c);
      EXPECT_LT(relative_l2(fused.grad_z, reference.grad_z), 2e-6) << where;            // measured 3e-7
      EXPECT_LT(relative_l2(fused.grad_lambda, reference.grad_lambda), 2e-6) << where;  // measured 3e-7
      // Sums over all pixels and iterations that partly cancel: measured 8e-7.
      EXPECT_NEAR(fused.steps.sigma, reference.steps.sigma, 1e-5 * (1.0 + std::abs(reference.steps.sigma)))
          << where;
      EXPECT_NEAR(fused.steps.tau, reference.steps.tau, 1e-5 * (1.0 + std::abs(reference.steps.tau)))
          << where;
      EXPECT_NEAR(fused.steps.theta, reference.steps.theta, 1e-5 * (1.0 + std::abs(reference.steps.theta)))
          << where;
    }
  }
}

TEST(PdhgFused, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const Case& c : kCases) {
    const Result one = run<float>(cpu::pdhg_fused.kernels, c, 1);
    for (const int n_threads : {2, 3, 7}) {
      const Result many = run<float>(cpu::pdhg_fused.kernels, c, n_threads);
      const auto where = testing::Message() << c << " with " << n_threads << " threads";
      EXPECT_EQ(many.x.to_doubles(), one.x.to_doubles()) << where;
      EXPECT_EQ(many.x_bar.to_doubles(), one.x_bar.to_doubles()) << where;
      EXPECT_EQ(many.p.to_doubles(), one.p.to_doubles()) << where;
      EXPECT_EQ(many.q.to_doubles(), one.q.to_doubles()) << where;
      EXPECT_EQ(many.grad_z.to_doubles(), one.grad_z.to_doubles()) << where;
      EXPECT_EQ(many.grad_lambda.to_doubles(), one.grad_lambda.to_doubles()) << where;
      EXPECT_EQ(many.steps.sigma, one.steps.sigma) << where;
      EXPECT_EQ(many.steps.tau, one.steps.tau) << where;
      EXPECT_EQ(many.steps.theta, one.steps.theta) << where;
    }
  }
}

TEST(PdhgFused, SolvesEachProblemOfABatchAsIfAlone) {
  // A grid of scalar weights on one picture, of batch sizes that the number of threads divides and does not.
  const Tensor z = random_uniform({1, 1, 1, 130, 133}, 0.0, 1.0, 1).to(DType::f32);
  const Tensor lambdas = random_uniform({7, 1, 1, 1, 1}, 0.01, 0.2, 2).to(DType::f32);
  const PdhgParams params{.n_iter = 13};
  const auto solve = [&](const Tensor& lambda, int n_threads) {
    const PdhgState s = pdhg_start(z, params, lambda.size(0));
    cpu::pdhg_fused.kernels.forward(
        Exec{n_threads}, {z.view5<const float>(), lambda.view5<const float>()}, params,
        {s.x.view5<float>(), s.x_bar.view5<float>(), s.p.view5<float>(), s.q.view5<float>()}, {});
    return s;
  };
  std::vector<PdhgState> alone;
  for (int64_t i = 0; i < lambdas.size(0); ++i) alone.push_back(solve(lambdas.slice(i, i + 1), 1));
  for (const int64_t n : {2, 3, 4, 5, 7}) {
    for (const int n_threads : {1, 2, 3}) {
      const PdhgState batch = solve(lambdas.slice(0, n), n_threads);
      for (int64_t i = 0; i < n; ++i) {
        const auto where = testing::Message()
                           << "problem " << i << " of " << n << ", " << n_threads << " threads";
        const PdhgState& expected = alone[static_cast<size_t>(i)];
        EXPECT_EQ(batch.x.slice(i, i + 1).to_doubles(), expected.x.to_doubles()) << where;
        EXPECT_EQ(batch.x_bar.slice(i, i + 1).to_doubles(), expected.x_bar.to_doubles()) << where;
        EXPECT_EQ(batch.p.slice(i, i + 1).to_doubles(), expected.p.to_doubles()) << where;
        EXPECT_EQ(batch.q.slice(i, i + 1).to_doubles(), expected.q.to_doubles()) << where;
      }
    }
  }
}

// A thread may take any strip, whoever had it in the step before: here two threads have three strips, and the
// last strip comes first or last by turns.
TEST(PdhgFused, GivesTheSameBitsInWhateverOrderStripsAreTaken) {
  const Tensor z = random_uniform({1, 1, 1, 130, 64}, 0.0, 1.0, 1).to(DType::f32);
  const Tensor lambda = random_uniform({1, 1, 1, 1, 1}, 0.01, 0.2, 2).to(DType::f32);
  const PdhgParams params{.n_iter = 50};
  const PdhgProblem<float> problem = {z.view5<const float>(), lambda.view5<const float>()};
  const auto fields_of = [](const PdhgState& s) {
    return PdhgFields<float>{s.x.view5<float>(), s.x_bar.view5<float>(), s.p.view5<float>(),
                             s.q.view5<float>()};
  };
  const PdhgState alone = pdhg_start(z, params);
  cpu::pdhg_fused.kernels.forward(Exec{1}, problem, params, fields_of(alone), {});

  constexpr int kStrips = 3;
  const PdhgState shared = pdhg_start(z, params);
  const PdhgFields<float> fields = fields_of(shared);
  const PdhgTapeView<float> no_tape;
  const cpu::fused::ForwardJob job(problem, params, fields, no_tape);
  std::vector<std::vector<float>> memory;
  std::vector<cpu::fused::Strip> strips;
  for (int i = 0; i < kStrips; ++i) {
    const auto strip = cpu::fused::make_strip(job.slabs, job.row, 0, i, kStrips, nullptr);
    memory.emplace_back(static_cast<size_t>(strip.floats()) + 16);
    void* start = memory.back().data();
    size_t space = memory.back().size() * sizeof(float);
    std::align(64, strip.bytes(), start, space);
    strips.push_back(cpu::fused::make_strip(job.slabs, job.row, 0, i, kStrips, static_cast<float*>(start)));
  }
  const cpu::fused::Steps<cpu::fused::ForwardJob> steps(job, strips, params.n_iter);
  EXPECT_GT(steps.count(), 10);
  for (int64_t step = 0; step < steps.count(); ++step) {
    parallel_for(Exec{2}, kStrips, 1, [&](int64_t i, int64_t) {
      steps.take(step, static_cast<size_t>(step % 4 < 2 ? i : kStrips - 1 - i));
    });
  }
  EXPECT_EQ(shared.x.to_doubles(), alone.x.to_doubles());
  EXPECT_EQ(shared.q.to_doubles(), alone.q.to_doubles());
}

// Frames large and small enough for waves of one, two and three iterations, shared by several threads.
TEST(PdhgFused, GivesTheSameBitsForSequencesOnAnyNumberOfThreads) {
  const int threads_before = num_threads();
  for (const Shape& shape : {Shape{1, 1, 13, 300, 33}, Shape{1, 1, 13, 120, 32}, Shape{1, 1, 13, 40, 35}}) {
    const Variable z = random_uniform(shape, 0.0, 1.0, 1).to(DType::f32);
    const Variable lambda(random_uniform(shape.with(1, 3), 0.01, 0.2, 2).to(DType::f32), true);
    const auto step = [] { return Variable(Tensor::full({}, 0.27), true); };
    std::vector<std::vector<double>> results;
    for (const int n_threads : {1, 2, 3}) {
      set_num_threads(n_threads);
      const Variable sigma = step(), tau = step(), theta(Tensor::full({}, 1.0), true);
      const Variable map(lambda.value(), true);
      const Variable x = pdhg(z, map, sigma, tau, theta, {.n_iter = 7, .axes = {2, 3, 4}});
      x.backward(Tensor::full(x.shape(), 1.0));
      std::vector<double> all = x.value().to_doubles();
      for (const Variable& of : {map, sigma, tau, theta}) {
        const std::vector<double> grad = of.grad().to_doubles();
        all.insert(all.end(), grad.begin(), grad.end());
      }
      results.push_back(all);
    }
    EXPECT_EQ(results[1], results[0]) << shape.str();
    EXPECT_EQ(results[2], results[0]) << shape.str();
  }
  set_num_threads(threads_before);
}

TEST(PdhgFused, StopsABatchAtTheSameGapForAnyNumberOfThreads) {
  const Tensor z = random_uniform({1, 1, 1, 130, 133}, 0.0, 1.0, 1).to(DType::f32);
  const Tensor lambda = random_uniform({5, 1, 1, 1, 1}, 0.01, 0.1, 2).to(DType::f32);
  const PdhgParams params{.n_iter = 400};
  const int threads_before = num_threads();
  std::vector<PdhgState> states;
  std::vector<PdhgReport> reports;
  for (const int n_threads : {1, 2, 3}) {
    set_num_threads(n_threads);
    states.push_back(pdhg_start(z, params, 5));
    reports.push_back(pdhg_solve(z, lambda, params, states.back(), {.relative_gap = 0.02, .check_every = 5}));
  }
  set_num_threads(threads_before);
  EXPECT_TRUE(reports[0].converged);
  EXPECT_GT(reports[0].iterations, 5);
  for (size_t i = 1; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].iterations, reports[0].iterations);
    EXPECT_EQ(reports[i].gap, reports[0].gap);
    EXPECT_EQ(states[i].x.to_doubles(), states[0].x.to_doubles());
    EXPECT_EQ(states[i].q.to_doubles(), states[0].q.to_doubles());
  }
}

TEST(PdhgFused, AnyNumberOfIterationsFillsTheWaves) {
  for (int64_t T = 0; T <= 10; ++T) {
    const Case c{{1, 1, 1, 130, 37}, {3, 4}, T};
    const Result fused = run<float>(cpu::pdhg_fused.kernels, c),
                 reference = run<double>(cpu::pdhg_reference_f64.kernels, c);
    EXPECT_LT(worst_output(fused, reference), 2e-6) << c;
    EXPECT_LT(relative_l2(fused.grad_lambda.to(DType::f64), reference.grad_lambda), 1e-3) << c;
  }
}

TEST(PdhgFused, SupportsPicturesAndSequencesOnly) {
  EXPECT_TRUE(cpu::pdhg_fused.supports({.x = {1, 1, 4, 8, 8}, .axes = {3, 4}}));
  EXPECT_TRUE(cpu::pdhg_fused.supports({.x = {1, 1, 4, 8, 8}, .axes = {2, 3, 4}}));
  EXPECT_FALSE(cpu::pdhg_fused.supports({.x = {1, 1, 4, 8, 8}, .axes = {4, 3}}));
  EXPECT_FALSE(cpu::pdhg_fused.supports({.x = {1, 1, 4, 8, 8}, .axes = {2, 3}}));
  EXPECT_FALSE(cpu::pdhg_fused.supports({.x = {1, 1, 4, 8, 8}, .axes = {4}}));
}

}  // namespace
}  // namespace primal
