// The derivative of T iterations: against central differences, by homogeneity, on the kink, and what it
// keeps.
#include <gtest/gtest.h>

#include "autograd/gradcheck.h"
#include "solvers/pdhg/pdhg.h"
#include "support/op_test.h"
#include "support/pictures.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

TEST(PdhgGradient, IsProven) { expect_op_proven(pdhg_info()); }

Tensor scalar(double value) { return Tensor::scalar(value, DType::f64); }

DifferentiableFunction solver(const PdhgParams& params) {
  return [params](const std::vector<Variable>& v) {
    return std::vector<Variable>{pdhg(v[0], v[1], v[2], v[3], v[4], params)};
  };
}

TEST(PdhgGradient, MatchesCentralDifferencesForSmallLargeAndUsualSteps) {
  const Shape shape{1, 1, 1, 5, 4};
  for (const double scale : {0.3, 1.0, 5.0}) {  // norm of the scaled operator sqrt(tau sigma) [I, G]
    for (const double theta : {0.0, 0.5, 1.0}) {
      const PdhgParams params{.n_iter = 4, .p_start = PdhgStart::noisy};
      const CheckReport report = gradcheck(
          solver(params), {random_uniform(shape, 0.0, 1.0, 1), random_uniform(shape.with(1, 2), 0.05, 0.3, 2),
                           scalar(scale / 3), scalar(0.9 * scale / 3), scalar(theta)});
      EXPECT_TRUE(report.ok) << "scale " << scale << " theta " << theta << ": " << report.message;
      EXPECT_GT(report.n_points, 50);
    }
  }
}

TEST(PdhgGradient, MatchesCentralDifferencesForSharedLambdas) {
  const Tensor z = random_uniform({2, 1, 1, 4, 5}, 0.0, 1.0, 3);
  for (const Shape& shape :
       {Shape{}, Shape{2}, Shape{2, 1, 1, 4, 5}, Shape{1, 2, 1, 4, 5}, Shape{2, 2, 1, 1, 1}}) {
    const CheckReport report = gradcheck(solver({.n_iter = 5}), {z, random_uniform(shape, 0.05, 0.2, 4),
                                                                 scalar(0.3), scalar(0.35), scalar(0.9)});
    EXPECT_TRUE(report.ok) << shape.str() << ": " << report.message;
  }
}

// sigma, tau and theta as three variables, and as one: the same bits, on the CPU and on simt.
TEST(PdhgGradient, StepsInOneTensorHaveTheSameBits) {
  const PdhgParams params{.n_iter = 5, .p_start = PdhgStart::noisy};
  const float values[] = {0.3F, 0.35F, 0.9F};
  for (const Device device : {Device{}, Device::simt()}) {
    const Tensor z = random_uniform({2, 1, 1, 6, 7}, 0.0, 1.0, 3).to(DType::f32).to(device),
                 lambda = random_uniform({2, 1, 1, 6, 7}, 0.05, 0.2, 4).to(DType::f32).to(device),
                 upstream = random_uniform({2, 1, 1, 6, 7}, -1.0, 1.0, 5).to(DType::f32).to(device);
    std::vector<Variable> apart;
    for (const float value : values) apart.emplace_back(Tensor::full({}, value, DType::f32, device), true);
    const Variable together(Tensor::from(Shape{3}, std::vector<float>(values, values + 3)).to(device), true);
    const Variable a = pdhg(z, lambda, apart[0], apart[1], apart[2], params),
                   b = pdhg(z, lambda, together, params);
    EXPECT_EQ(a.value().to_doubles(), b.value().to_doubles());
    a.backward(upstream);
    b.backward(upstream);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(apart[i].grad().item(), together.grad().to_doubles()[i]) << i << " " << device.str();
  }
  const Tensor z = random_uniform({1, 1, 1, 4, 4}, 0.0, 1.0, 3), lambda = scalar(0.1);
  EXPECT_THROW(pdhg(z, lambda, Variable(Tensor::zeros({2}, DType::f64)), params), ShapeError);
  EXPECT_THROW(pdhg(z, lambda, Variable(Tensor::zeros({3}, DType::f32)), params), ShapeError);
  EXPECT_THROW(pdhg(z, lambda, Variable(Tensor::zeros({3}, DType::f64)), params), ConfigError);
}

TEST(PdhgGradient, TheStartOnADeviceIsThatOfTheCpu) {
  for (const PdhgStart start : {PdhgStart::zero, PdhgStart::noisy}) {
    for (const int64_t n_problems : {1, 3}) {
      const PdhgParams params{.axes = {2, 3, 4}, .p_start = start};
      const Tensor z = random_uniform({1, 1, 3, 17, 19}, 0.0, 1.0, 3).to(DType::f32);
      const PdhgState here = pdhg_start(z, params, n_problems),
                      there = pdhg_start(z.to(Device::simt()), params, n_problems);
      EXPECT_EQ(here.x.to_doubles(), there.x.to_doubles());
      EXPECT_EQ(here.x_bar.to_doubles(), there.x_bar.to_doubles());
      EXPECT_EQ(here.p.to_doubles(), there.p.to_doubles());
      EXPECT_EQ(here.q.to_doubles(), there.q.to_doubles());
      EXPECT_EQ(there.q.shape(), here.q.shape());
    }
  }
}

struct Gradient {
  Tensor x, z, lambda;
};

Gradient gradient_of(const Tensor& z, const Tensor& lambda, const Tensor& upstream,
                     const PdhgParams& params) {
  const Variable z_leaf(z, true), lambda_leaf(lambda, true);
  const Variable x = pdhg(z_leaf, lambda_leaf, params);
  x.backward(upstream);
  return {x.value(), z_leaf.grad(), lambda_leaf.grad()};
}

TEST(PdhgGradient, EulersIdentityHoldsSinceTheResultIsHomogeneous) {
  // x^T(s z, s lambda) = s x^T(z, lambda), so <upstream, x^T> = <z^, z> + <lambda^, lambda>.
  for (const Axes& axes : {Axes{3, 4}, Axes{2, 3, 4}}) {
    for (const PdhgStart start : {PdhgStart::zero, PdhgStart::noisy}) {
      const Shape shape{2, 1, 3, 8, 9};
      const Tensor z = random_uniform(shape, 0.0, 1.0, 5), upstream = random_normal(shape, 6);
      const Tensor lambda = random_uniform(shape.with(1, axes.count()), 0.01, 0.15, 7);
      const double step = 1.0 / pdhg_norm(axes);
      const PdhgParams params{.n_iter = 100, .sigma = step, .tau = step, .axes = axes, .p_start = start};
      const Gradient g = gradient_of(z, lambda, upstream, params);
      const double expected = dot(upstream, g.x);
      EXPECT_NEAR(dot(g.z, z) + dot(g.lambda, lambda), expected, 1e-12 * std::sqrt(dot(upstream, upstream)));
      const Gradient f =
          gradient_of(z.to(DType::f32), lambda.to(DType::f32), upstream.to(DType::f32), params);
      EXPECT_NEAR(dot(f.z, z) + dot(f.lambda, lambda), expected, 1e-4 * std::sqrt(dot(upstream, upstream)));
    }
  }
}

TEST(PdhgGradient, OnTheBoundAComponentIsInside) {
  // z = (0, 1), sigma = 1/2: v = (1/2, -1/2) after one iteration, exactly on lambda = 1/2. Inside means
  // x = z - tau G' v.
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const char* implementation : {"fused", "reference"}) {
      ImplementationScope::Forced forced;
      forced["pdhg"] = implementation;
      const ImplementationScope scope(forced);
      const Tensor z = Tensor::from(Shape{1, 1, 1, 1, 2}, std::vector<double>{0, 1}).to(dtype);
      const Tensor lambda = Tensor::full({1, 2, 1, 1, 2}, 0.5, dtype);
      const Tensor upstream = Tensor::from(Shape{1, 1, 1, 1, 2}, std::vector<double>{1, 0}).to(dtype);
      const PdhgParams params{.n_iter = 1, .sigma = 0.5, .tau = 0.5, .axes = {3, 4}};
      const Gradient g = gradient_of(z, lambda, upstream, params);
      EXPECT_EQ(g.lambda.to_doubles(), std::vector<double>(4, 0.0));
      // x0 = z0 - tau (q1 - q0) with q0 = sigma (z1 - z0), q1 = -q0:  x0 = z0 + 2 tau sigma (z1 - z0)
      EXPECT_EQ(g.z.to_doubles(), (std::vector<double>{0.5, 0.5}));
    }
  }
}

TEST(PdhgGradient, GoesOnlyWhereItIsWanted) {
  const Shape shape{1, 1, 1, 6, 6};
  const Tensor z = random_uniform(shape, 0.0, 1.0, 8),
               lambda = random_uniform(shape.with(1, 2), 0.05, 0.2, 9), upstream = random_normal(shape, 10);
  const PdhgParams params{.n_iter = 8, .sigma = 0.3, .tau = 0.3};
  const auto run = [&](std::vector<bool> wanted) {
    std::vector<Variable> leaves = {{z, wanted[0]},
                                    {lambda, wanted[1]},
                                    {scalar(0.3), wanted[2]},
                                    {scalar(0.3), wanted[3]},
                                    {scalar(1.0), wanted[4]}};
    pdhg(leaves[0], leaves[1], leaves[2], leaves[3], leaves[4], params).backward(upstream);
    return leaves;
  };
  const std::vector<Variable> all = run({true, true, true, true, true});
  for (size_t i = 0; i < 5; ++i) {
    std::vector<bool> only(5, false);
    only[i] = true;
    EXPECT_EQ(run(only)[i].grad().to_doubles(), all[i].grad().to_doubles()) << "input " << i;
  }
}

TEST(PdhgGradient, TheTapeIsTwoBitsPerComponentAndIteration) {
  const Shape picture{1, 1, 1, 256, 256};
  const PdhgParams params{.n_iter = 256};
  const int64_t codes = 256 * 256 * 256 * 2 * 2 / 8;
  EXPECT_EQ(pdhg_tape_bytes(picture, DType::f32, params, false), codes + 8);
  EXPECT_EQ(pdhg_tape_bytes(picture, DType::f32, params, true), codes + 8 + 256 * 256 * 256 * 4);
}

TEST(PdhgGradient, TheNodeKeepsTheTapeAndNothingElse) {
  const Shape shape{1, 1, 1, 64, 64};
  const Variable z(Tensor::full(shape, 0.5)), lambda(Tensor::full(shape.with(1, 2), 0.1), true);
  const PdhgParams params{.n_iter = 128};
  const size_t before = host_pool().stats().live_bytes;
  const Variable x = pdhg(z, lambda, params);
  const size_t kept = host_pool().stats().live_bytes - before;
  const auto tape = static_cast<size_t>(pdhg_tape_bytes(shape, DType::f32, params, false));
  EXPECT_LE(kept, MemoryPool::size_class(tape) + MemoryPool::size_class(x.value().bytes()));
  x.backward(Tensor::full(shape, 1.0));
  EXPECT_LE(host_pool().stats().live_bytes - before,
            MemoryPool::size_class(x.value().bytes()) + MemoryPool::size_class(lambda.value().bytes()));
}

}  // namespace
}  // namespace primal
