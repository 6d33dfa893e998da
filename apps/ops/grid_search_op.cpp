#include "apps/ops/grid_search_op.h"

#include <algorithm>
#include <cmath>

#include "data/metrics/metrics.h"
#include "solvers/grid_search/grid_search.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/error.h"

namespace primal {
namespace {

const Tensor& input(const OpCall& call, const std::string& name) {
  const auto found = call.inputs.find(name);
  if (found == call.inputs.end()) throw DataError("[grid_search] input.{} is missing", name);
  return found->second;
}

OpResult run_grid_search(const OpCall& call) {
  const Tensor clean = input(call, "clean").to(call.device);
  const std::vector<double> lambdas = input(call, "lambdas").to_doubles();
  GridSearchParams params;
  params.pdhg.n_iter = call.attrs.value("T", params.pdhg.n_iter);
  params.pdhg.sigma = call.attrs.value("sigma", params.pdhg.sigma);
  params.pdhg.tau = call.attrs.value("tau", params.pdhg.tau);
  params.pdhg.theta = call.attrs.value("theta", params.pdhg.theta);
  params.pdhg.p_start = start_attribute(call.attrs, params.pdhg.p_start);
  const GridSearchResult result = grid_search(input(call, "noisy").to(call.device), lambdas, params,
                                              [&](double, const Tensor& x) -> std::vector<double> {
                                                return {psnr(x, clean), ssim(x, clean)};
                                              });
  const auto column = [&](size_t score) {
    std::vector<double> values;
    for (const std::vector<double>& scores : result.scores) values.push_back(scores[score]);
    return Tensor::from(Shape{std::ssize(values)}, values).to(clean.dtype());
  };
  OpResult out;
  out.outputs = {{"psnr", column(0)}, {"ssim", column(1)}};
  return out;
}

Verdict judge_scores(const std::string& tensor, const Tensor& got, const Tensor& expected, const OpCall&) {
  const bool decibel = tensor == "output.psnr";
  Verdict v{.error = 0.0,
            .allowed = decibel ? 0.005 : 5e-4,
            .measure = decibel ? "largest difference in dB" : "largest difference"};
  const std::vector<double> a = got.to_doubles(), b = expected.to_doubles();
  for (size_t i = 0; i < b.size(); ++i) {
    const double error = std::abs(a[i] - b[i]);
    if (!(error <= v.error)) v.error = error;
  }
  return v;
}

}  // namespace

OpInfo grid_search_info() {
  OpInfo info;
  info.name = "grid_search";
  info.equation = "psnr[k], ssim[k] of argmin_x 1/2 ||x - noisy||^2 + lambda[k] ||grad x||_1 against clean";
  info.run = run_grid_search;
  info.judge = judge_scores;
  info.cost = [](const OpShapes& s) {  // the problems; the scores are metrics'
    const int64_t n = s.in("lambdas").numel();
    PdhgParams params;
    params.n_iter = s.attrs.value("T", params.n_iter);
    return PhaseCosts{
        {"forward", pdhg_cost(s.in("noisy").with(0, n), Shape{n, 1, 1, 1, 1}, params, false).at("forward")}};
  };
  const auto search = [](const char* name, Attributes attrs) {
    return OpCase{name,
                  std::move(attrs),
                  {{"clean", {1, 1, 1, 11, 9}, OpInput::Fill::uniform, 0.0, 1.0, false},
                   {"noisy", {1, 1, 1, 11, 9}, OpInput::Fill::uniform, 0.0, 1.0, false},
                   {"lambdas", {3}, OpInput::Fill::uniform, 0.0, 0.3, false}}};
  };
  info.corner_cases = {
      search("three_lambdas", {{"T", 20}}), search("noisy_start", {{"T", 7}, {"p0", "noisy"}}),
      search("other_steps", {{"T", 7}, {"p0", "zero"}, {"sigma", 0.2}, {"tau", 0.45}, {"theta", 0.5}})};
  info.differentiable = false;
  info.implementations =
      wherever({kReference, "all lambdas as one batch of problems that share the picture"}, pdhg_ladder.f32);
  return info;
}

}  // namespace primal
