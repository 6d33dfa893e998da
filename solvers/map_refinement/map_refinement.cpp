#include "solvers/map_refinement/map_refinement.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "solvers/map_refinement/local_mean.h"
#include "solvers/probe/probe.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

// body(i) for each of n places.
template <class Body>
void for_each_place(int64_t n, const Body& body) {
  constexpr int64_t kGrain = 1 << 14;
  parallel_for(Exec{}, n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

using Factors = decltype(MapRefinementParams::factors);

struct Rows {
  int64_t begin, end;
};

// These rows of two pictures, or of two maps, one after the other: [1,C,1,H,W] twice -> [2,C,1,rows,W].
Tensor pair_of(const Tensor& first, const Tensor& second, Rows rows) {
  const int64_t height = first.size(-2), width = first.size(-1);
  const Tensor both = Tensor::empty(first.shape().with(0, 2).with(3, rows.end - rows.begin), first.dtype());
  dispatch_floating(first.dtype(), "map_refinement", [&]<class T>() {
    T* to = both.data<T>();
    for (const Tensor& one : {first, second}) {
      for (int64_t c = 0; c < one.size(1); ++c) {
        const T* channel = one.data<T>() + c * height * width;
        to = std::copy(channel + rows.begin * width, channel + rows.end * width, to);
      }
    }
  });
  return both;
}

// c maps, there.
Tensor weights_of(const Tensor& maps, double c, Device device) {
  const Tensor scaled = Tensor::empty(maps.shape(), maps.dtype());
  dispatch_floating(maps.dtype(), "map_refinement", [&]<class T>() {
    const T* from = maps.data<T>();
    T* to = scaled.data<T>();
    for_each_place(maps.numel(),
                   [=](int64_t i) { to[i] = static_cast<T>(c * static_cast<double>(from[i])); });
  });
  return scaled.to(device);
}

// The risk of a trial at each pixel, before the mean: [H,W]. `x` holds the trials of z and of z + e b; `sign`
// is b.
Tensor pixel_risks(const Tensor& x, const Tensor& z, const double* sign, const float* variance, double e) {
  const Tensor risk = Tensor::empty({z.size(-2), z.size(-1)});
  dispatch_floating(z.dtype(), "map_refinement", [&]<class T>() {
    const T *here = x.slice(0, 1).data<T>(), *there = x.slice(1, 2).data<T>(), *noisy = z.data<T>();
    float* out = risk.data<float>();
    for_each_place(risk.numel(), [=](int64_t i) {
      const double residual = static_cast<double>(here[i]) - static_cast<double>(noisy[i]);
      const double slope = sign[i] * (static_cast<double>(there[i]) - static_cast<double>(here[i])) / e;
      const auto noise = static_cast<double>(variance[i]);
      out[i] = static_cast<float>(residual * residual - noise + 2.0 * noise * slope);
    });
  });
  return risk;
}

// exp(M'[sum of a_c log c]) from the risks S_c of each factor.
Tensor factor_of(const std::vector<Tensor>& risks, const float* variance, const MapRefinementParams& params) {
  const double w = local_mean_deviation(params.radius);
  const double share_of_variance = 1.0 / (2.0 * std::sqrt(std::numbers::pi) * std::max(w, 0.5));
  const Tensor factor = Tensor::empty(risks.front().shape());
  float* out = factor.data<float>();
  std::array<const float*, std::tuple_size_v<Factors>> risk;
  std::array<double, std::tuple_size_v<Factors>> log_c;
  for (size_t c = 0; c < risk.size(); ++c) {
    risk[c] = risks[c].data<float>();
    log_c[c] = std::log(params.factors[c]);
  }
  for_each_place(factor.numel(), [=](int64_t i) {
    double least = static_cast<double>(risk[0][i]);
    for (const float* one : risk) least = std::min(least, static_cast<double>(one[i]));
    const double t = share_of_variance * static_cast<double>(variance[i]);
    double sum = 0.0, mean = 0.0;
    for (size_t c = 0; c < risk.size(); ++c) {
      const double share = std::exp((least - static_cast<double>(risk[c][i])) / t);
      sum += share;
      mean += share * log_c[c];
    }
    out[i] = static_cast<float>(mean / sum);
  });
  local_mean(factor, params.radius / 2);
  for_each_place(factor.numel(), [=](int64_t i) { out[i] = std::exp(out[i]); });
  return factor;
}

// factor o map for each of the maps.
Tensor product(const Tensor& factor, const Tensor& map) {
  const Tensor refined = Tensor::empty(map.shape(), map.dtype());
  const int64_t n = factor.numel();
  dispatch_floating(map.dtype(), "map_refinement", [&]<class T>() {
    const T* proposed = map.data<T>();
    const float* c = factor.data<float>();
    T* out = refined.data<T>();
    for_each_place(map.numel(), [=](int64_t i) { out[i] = proposed[i] * static_cast<T>(c[i % n]); });
  });
  return refined;
}

// What is known of the whole picture, on the CPU.
struct Proposal {
  Tensor b, variance;
  double e;
  Tensor z = {}, map = {}, moved = {}, moved_map = {};
};

// S_c of each factor from these rows alone; done() after each.
std::vector<Tensor> risks_of(const Proposal& p, Rows rows, Device device, const MapRefinementParams& params,
                             const std::function<void()>& done) {
  const Tensor pictures = pair_of(p.z, p.moved, rows), maps = pair_of(p.map, p.moved_map, rows);
  const Tensor there = pictures.to(device);
  const double* sign = p.b.data<double>() + rows.begin * p.z.size(-1);
  std::vector<Tensor> risks;
  for (const double c : params.factors) {
    const Tensor lambda =
        weights_at(params.boundary, weights_of(maps, c, device), there.shape(), params.pdhg.axes).value();
    const Tensor x = pdhg_solve(there, lambda, params.pdhg).to(Device{});
    risks.push_back(pixel_risks(x, pictures.slice(0, 1), sign,
                                p.variance.data<float>() + rows.begin * p.z.size(-1), p.e));
    local_mean(risks.back(), params.radius);
    // The running sums of the mean carry a value that is not finite on to the last pixel.
    if (!std::isfinite(risks.back().data<float>()[risks.back().numel() - 1]))
      throw NumericError("[map_refinement] the risk with {} times the map is not finite", c);
    done();
  }
  return risks;
}

int64_t margin_of(const MapRefinementParams& params) {
  return params.pdhg.n_iter + kLocalMeanPasses * (params.radius + params.radius / 2);
}

constexpr int64_t kFieldsOfTrials = 30;  // of a pixel: two pictures, maps, weights and states; the risks

// Rows whose trials keep to max_bytes with their margins, about, and 64 at least. The periodic boundary joins
// the first row to the last, so it takes all at once.
int64_t rows_each(int64_t height, int64_t width, int64_t bytes_of_value, Boundary boundary,
                  const MapRefinementParams& params) {
  if (boundary == Boundary::periodic) return height;
  const int64_t bytes_of_row = std::max<int64_t>(kFieldsOfTrials * width * bytes_of_value, 1);
  return std::max<int64_t>(params.max_bytes / bytes_of_row - 2 * margin_of(params), 64);
}

double mean_of(const Tensor& variance) {
  double sum = 0.0;
  for (const float v : variance.span<const float>()) sum += static_cast<double>(v);
  return sum / static_cast<double>(variance.numel());
}

void check(const Tensor& z, const Tensor& variance, const MapRefinementParams& params) {
  const Shape& shape = z.shape();
  if (shape.rank() != 5 || shape[0] != 1 || shape[1] != 1 || shape[2] != 1)
    throw ShapeError("[map_refinement] z must be [1,1,1,H,W]: {}", z.str());
  if (variance.dtype() != DType::f32 || variance.shape() != Shape{z.size(-2), z.size(-1)})
    throw ShapeError("[map_refinement] the variance of {} must be f32[H,W]: {}", z.str(), variance.str());
  const std::span<const float> v = variance.span<const float>();
  const auto bad = std::ranges::find_if(v, [](float one) { return !(one > 0.0F) || !std::isfinite(one); });
  if (bad != v.end()) {
    throw NumericError(
        "[map_refinement] element {} of the variance {} is {}: expected a finite number above 0",
        bad - v.begin(), variance.str(), *bad);
  }
  if (params.radius < 0 || !(params.step > 0.0))
    throw ConfigError("[map_refinement] expected a radius of at least 0 and a step above 0, found {} and {}",
                      params.radius, params.step);
  for (const double c : params.factors) {
    if (!(c > 0.0) || !std::isfinite(c))
      throw ConfigError("[map_refinement] factors must be above 0 and finite, found {}", c);
  }
}

}  // namespace

int64_t refine_map_bytes(int64_t height, int64_t width, Boundary boundary,
                         const MapRefinementParams& params) {
  constexpr int64_t kFields = 12, kBytes = 4;  // of the whole: maps, probe, what it moves, variance, factor
  const int64_t rows = rows_each(height, width, kBytes, boundary, params) + 2 * margin_of(params);
  return kBytes * width * (kFields * height + kFieldsOfTrials * std::min(rows, height));
}

RefinedMap refine_map(const Tensor& z, const Tensor& variance, const ProposeMap& propose,
                      const MapRefinementParams& params) {
  const Range range("map_refinement");
  check(z, variance, params);
  Proposal proposal{.b = probe_signs(z, params.seed, 0),
                    .variance = variance,
                    .e = params.step * std::sqrt(mean_of(variance))};
  const Tensor moved = probe_moved(z, proposal.b, proposal.e);
  proposal.z = z.to(Device{});
  proposal.map = propose(z).to(Device{});
  proposal.moved = moved.to(Device{});
  proposal.moved_map = propose(moved).to(Device{});
  if (proposal.map.shape().rank() != 5 || proposal.map.shape().with(1, 1) != z.shape())
    throw ShapeError("[map_refinement] the map {} does not fit z {}: expected [1,n_maps,1,H,W]",
                     proposal.map.str(), z.str());

  const int64_t height = z.size(-2), width = z.size(-1), margin = margin_of(params);
  const int64_t n_each =
      rows_each(height, width, static_cast<int64_t>(size_of(z.dtype())), params.boundary, params);
  const Tensor factor = Tensor::empty({height, width});
  const int64_t n_trials = (height + n_each - 1) / n_each * std::ssize(params.factors);
  int64_t n_done = 0;
  const auto done = [&] {
    if (params.watch) params.watch(++n_done, n_trials);
  };
  for (int64_t begin = 0; begin < height; begin += n_each) {
    const Rows rows{begin, std::min(begin + n_each, height)};
    const Rows around{std::max<int64_t>(rows.begin - margin, 0), std::min(rows.end + margin, height)};
    const Tensor found = factor_of(risks_of(proposal, around, z.device(), params, done),
                                   variance.data<float>() + around.begin * width, params);
    factor.slice(rows.begin, rows.end)
        .copy_from(found.slice(rows.begin - around.begin, rows.end - around.begin));
  }
  return {product(factor, proposal.map).to(z.device()), factor};
}

}  // namespace primal
