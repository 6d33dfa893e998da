#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double sum = 0.0;
  for (size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}

double norm(const Tensor& a) { return std::sqrt(dot(a, a)); }

// The directions along which one input is checked: unit vectors of its elements, or random ones of length 1.
std::vector<Tensor> directions(const Tensor& input, uint32_t index, const GradcheckOptions& options) {
  std::vector<Tensor> result;
  const int64_t n = input.numel();
  if (n <= options.max_elements) {
    for (int64_t i = 0; i < n; ++i) {
      Tensor e = Tensor::zeros(input.shape(), DType::f64);
      e.data<double>()[i] = 1.0;
      result.push_back(e);
    }
    return result;
  }
  for (int64_t k = 0; k < options.max_elements; ++k) {
    Tensor d = Tensor::empty(input.shape(), DType::f64);
    RandomStream(options.seed, RandomPurpose::test, index, static_cast<uint32_t>(k)).fill_normal(d);
    const double length = norm(d);
    for (double& v : d.span<double>()) v /= length;
    result.push_back(d);
  }
  return result;
}

Tensor moved(const Tensor& x, const Tensor& direction, double step) {
  Tensor result = x.clone();
  double* values = result.data<double>();
  const double* d = direction.data<double>();
  for (int64_t i = 0; i < x.numel(); ++i) values[i] += step * d[i];
  return result;
}

}  // namespace

CheckReport gradcheck(const NamedGradcheck& check, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options) {
  CheckReport report;
  const std::vector<Tensor> gradients = check.gradients(inputs);
  const double centre = check.loss(inputs).item();
  const auto loss_at = [&](size_t index, const Tensor& direction, double step) {
    std::vector<Tensor> changed = inputs;
    changed[index] = moved(inputs[index], direction, step);
    return check.loss(changed).item();
  };
  for (size_t index = 0; index < inputs.size(); ++index) {
    const Tensor& x = inputs[index];
    if (x.dtype() != DType::f64 || !gradients[index].defined()) continue;
    if (gradients[index].shape() != x.shape()) {
      throw CheckFailed("[gradcheck] {}: gradient {} has another shape than the input {}", check.names[index],
                        gradients[index].str(), x.str());
    }
    // Errors are relative to the gradient's size, so that a small component beside large ones is not judged
    // on rounding.
    const double typical =
        norm(gradients[index]) / std::sqrt(std::max<double>(1.0, static_cast<double>(x.numel())));
    int64_t point = 0;
    for (const Tensor& d : directions(x, static_cast<uint32_t>(index), options)) {
      const double h = options.step * std::max(1.0, norm(x) / std::sqrt(static_cast<double>(x.numel())));
      const double up = loss_at(index, d, h), down = loss_at(index, d, -h);
      const double numeric = (up - down) / (2.0 * h);
      const double analytic = dot(gradients[index], d);
      const double scale = std::max({1.0, std::abs(numeric), std::abs(analytic), typical});
      const double error = std::abs(numeric - analytic) / scale;
      bool kink = false;
      if (error > options.tolerance) {
        // The slopes to the right and left of a smooth point differ by h f'', which halves with h; a jump
        // does not.
        const auto slope_change = [&](double step) {
          return std::abs(loss_at(index, d, step) - 2.0 * centre + loss_at(index, d, -step)) / step;
        };
        const double at_h = slope_change(h), at_half = slope_change(h / 2), at_quarter = slope_change(h / 4);
        const auto halves = [](double coarse, double fine) {
          return std::abs(fine - coarse / 2) < 0.1 * coarse;
        };
        kink = at_h > options.tolerance * scale && !(halves(at_h, at_half) && halves(at_half, at_quarter));
      }
      if (kink) {
        ++report.n_skipped;
      } else {
        ++report.n_points;
        if (!(error <= report.worst)) report.worst = error;
        if (!(error <= options.tolerance) && report.ok) {
          report.ok = false;
          report.message = fmt::format(
              "[gradcheck] {} of {}, {} {}: numeric {:.9g}, analytic {:.9g} (ratio {:.6g}), error {:.3g}, "
              "allowed {:.3g}",
              check.names[index], x.str(), x.numel() <= options.max_elements ? "element" : "direction", point,
              numeric, analytic, analytic / numeric, error, options.tolerance);
        }
      }
      ++point;
    }
  }
  const int64_t n_all = report.n_points + report.n_skipped;
  if (report.ok && static_cast<double>(report.n_skipped) > options.max_skipped * static_cast<double>(n_all)) {
    report.ok = false;
    report.message =
        fmt::format("[gradcheck] {} of {} points lie on a kink: inputs with more margin are needed",
                    report.n_skipped, n_all);
  }
  return report;
}

CheckReport gradcheck(const DifferentiableFunction& f, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options) {
  const auto leaves = [](const std::vector<Tensor>& values) {
    std::vector<Variable> result;
    for (const Tensor& v : values) result.emplace_back(v, v.dtype() == DType::f64);
    return result;
  };
  // c, one per result: fixed by the seed, so loss and gradients use the same.
  const auto projection = [&](const Tensor& result, size_t k) {
    Tensor c = Tensor::empty(result.shape(), DType::f64);
    RandomStream(options.seed, RandomPurpose::test, 0xC0FFEE, static_cast<uint32_t>(k)).fill_normal(c);
    return c;
  };
  NamedGradcheck check;
  check.loss = [&](const std::vector<Tensor>& values) {
    const NoGrad no_grad;
    double sum = 0.0;
    const std::vector<Variable> results = f(leaves(values));
    for (size_t k = 0; k < results.size(); ++k)
      sum += dot(results[k].value(), projection(results[k].value(), k));
    return Tensor::scalar(sum, DType::f64);
  };
  check.gradients = [&](const std::vector<Tensor>& values) {
    const std::vector<Variable> variables = leaves(values);
    const std::vector<Variable> results = f(variables);
    for (size_t k = 0; k < results.size(); ++k) {
      if (results[k].requires_grad()) results[k].backward(projection(results[k].value(), k));
    }
    std::vector<Tensor> gradients;
    for (const Variable& v : variables) {
      Tensor g;
      if (v.requires_grad()) g = v.grad().defined() ? v.grad() : Tensor::zeros(v.shape(), v.dtype());
      gradients.push_back(g);
    }
    return gradients;
  };
  for (size_t i = 0; i < inputs.size(); ++i) check.names.push_back(fmt::format("input {}", i));
  return gradcheck(check, inputs, options);
}

CheckReport adjoint_check(const LinearOperator& forward, const LinearOperator& adjoint, const Tensor& x,
                          const Tensor& y, double tolerance) {
  const Tensor kx = forward(x), ky = adjoint(y);
  if (kx.shape() != y.shape() || ky.shape() != x.shape()) {
    throw CheckFailed("[adjoint_check] K maps {} to {} and K' maps {} to {}", x.str(), kx.str(), y.str(),
                      ky.str());
  }
  const double left = dot(kx, y), right = dot(x, ky);
  const double scale = norm(kx) * norm(y) + norm(x) * norm(ky);
  CheckReport report;
  report.n_points = 1;
  report.worst = std::abs(left - right) / std::max(scale, 1e-300);
  if (!(report.worst <= tolerance)) {
    report.ok = false;
    report.message = fmt::format(
        "[adjoint_check] <Kx,y> = {:.9g}, <x,K'y> = {:.9g}: ratio {:.6g}, error {:.3g}, allowed {:.3g}", left,
        right, left / right, report.worst, tolerance);
  }
  return report;
}

}  // namespace primal
