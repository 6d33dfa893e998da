// primal follow: one picture through the whole machine, from z to Lambda to x_T to the loss, and back through the adjoint.
// It prints what each step of docs/unrolled.md talks about: the equation, the file that computes it, and its numbers.
#include <algorithm>
#include <cmath>
#include <fmt/core.h>

#include "apps/commands.h"
#include "apps/training/checkpoint.h"
#include "apps/training/denoising_task.h"
#include "data/image/image.h"
#include "data/metrics/metrics.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "nn/mse_loss/mse_loss.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/tv_objective/tv_objective.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct FollowOptions {
  CommonOptions common;
  std::string picture, model;
  int64_t size = 64;
  double noise = 0.5;
  uint64_t seed = 42;
};

struct Summary {
  double low, mean, high, norm;
};

Summary summary_of(const Tensor& t) {
  const std::vector<double> v = t.to_doubles();
  Summary s{v.front(), 0.0, v.front(), 0.0};
  for (const double e : v) {
    s.low = std::min(s.low, e);
    s.high = std::max(s.high, e);
    s.mean += e / static_cast<double>(v.size());
    s.norm += e * e;
  }
  s.norm = std::sqrt(s.norm);
  return s;
}

void print_tensor(const char* name, const Tensor& t) {
  const Summary s = summary_of(t);
  fmt::print("    {:<12} {:<20} min {:>11.4e}  mean {:>11.4e}  max {:>11.4e}  norm {:>10.4e}\n", name,
             t.str(), s.low, s.mean, s.high, s.norm);
}

void heading(int number, const char* equation, const char* file) {
  fmt::print("\n{}. {}\n   {}\n", number, equation, file);
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double sum = 0.0;
  for (size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}

// The iterates that the eye wants to see: 1, 2, 4, ... and T.
void print_iterations(const Tensor& z, const Tensor& lambda, const Tensor& clean, PdhgParams params) {
  const int64_t n_iter = params.n_iter;
  const PdhgState state = pdhg_start(z, params);
  fmt::print("    {:>6} {:>14} {:>14} {:>10}\n", "k", "objective", "gap", "PSNR dB");
  int64_t done = 0;
  for (int64_t k = 1; done < n_iter; k *= 2) {
    params.n_iter = std::min(k, n_iter) - done;
    pdhg_iterate(z, lambda, params, state);
    done += params.n_iter;
    const double primal = tv_objective(state.x, z, lambda, params.axes).front();
    const double gap = tv_gap(state.x, state.q, z, lambda, params.axes).front();
    fmt::print("    {:>6} {:>14.8f} {:>14.3e} {:>10.3f}\n", done, primal, gap, psnr(state.x, clean));
  }
}

void follow(const FollowOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  std::unique_ptr<UnrolledTv> model;
  if (options.model.empty()) {
    UnrolledTvOptions small;
    small.unet = {.filters = 8, .blocks = 2};
    small.n_iter = 64;
    Initialiser init(options.seed, DType::f32, device);
    model = std::make_unique<UnrolledTv>(small, init);
  } else {
    model = load_model(options.model, {}, device);
  }
  const Tensor clean =
      (options.picture.empty() ? make_phantom(options.seed, 0, options.size)
                               : to_tensor(preprocess(read_image(options.picture), options.size)))
          .to(device);

  heading(1, "z = x + s std(x) n", "data/noise");
  const Tensor noisy = add_noise(clean, NoiseKind::relative, options.noise, NoiseKey{.seed = options.seed});
  print_tensor("clean x", clean);
  print_tensor("noisy z", noisy);
  fmt::print("    PSNR {:.3f} dB\n", psnr(noisy, clean));

  heading(2, "Lambda = f(unet(z)), f = scale softplus(.) or up_bound sigmoid(.)", "nn/unet, nn/lambda_map");
  const Variable z(noisy, true);
  const Variable lambda = model->map_of(z);
  fmt::print("    {} parameters in the network\n", model->n_parameters());
  print_tensor("Lambda", lambda.value());

  heading(3, "x_T = PDHG_T(z, Lambda):  p+, q+, x+, x_bar+", "solvers/pdhg");
  const UnrolledTv::Steps steps = model->steps();
  PdhgParams params{
      .n_iter = model->options().n_iter, .sigma = steps.sigma, .tau = steps.tau, .theta = steps.theta};
  params.p_start = model->options().start;
  fmt::print("    sigma {:.6f}  tau {:.6f}  theta {:.6f}  tau sigma L^2 = {:.6f} <= 1\n", steps.sigma,
             steps.tau, steps.theta, steps.tau * steps.sigma * model->norm_bound() * model->norm_bound());
  print_iterations(noisy, lambda.value(), clean, params);

  // The map becomes a leaf here, so that its gradient can be looked at before it goes on into the network.
  heading(4, "loss = mean (x_T - x)^2", "nn/mse_loss");
  const Variable map(lambda.value(), true), z_leaf(noisy, true);
  const Variable x = pdhg(z_leaf, map, params);
  const Variable x_leaf(x.value(), true);
  const Variable loss = mse_loss(x_leaf, clean);
  print_tensor("x_T", x.value());
  fmt::print("    loss {:.8e}  PSNR {:.3f} dB\n", loss.value().item(), psnr(x.value(), clean));

  heading(5, "x^ = 2 (x_T - x) / n", "nn/mse_loss");
  loss.backward();
  print_tensor("grad x_T", x_leaf.grad());

  heading(6, "Lambda^, z^ from the adjoint of T iterations", "solvers/pdhg");
  x.backward(x_leaf.grad());
  print_tensor("grad Lambda", map.grad());
  print_tensor("grad z", z_leaf.grad());
  fmt::print("    tape {:.1f} KB: 2 bits per dual component and iteration\n",
             static_cast<double>(pdhg_tape_bytes(noisy.shape(), noisy.dtype(), params, false)) / 1e3);
  const double left = dot(x_leaf.grad(), x.value());
  const double right = dot(z_leaf.grad(), noisy) + dot(map.grad(), map.value());
  fmt::print("    x_T is homogeneous of degree 1: <x^, x_T> = {:.9e}, <z^, z> + <Lambda^, Lambda> = {:.9e}\n",
             left, right);

  heading(7, "parameter gradients, back through the map and the U-Net", "nn/*, autograd/variable");
  lambda.backward(map.grad());
  const auto parameters = model->parameters();
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined() || !name.ends_with("weight")) continue;
    fmt::print("    {:<46} |grad| {:.4e}   |weight| {:.4e}\n", name, summary_of(parameter.grad()).norm,
               summary_of(parameter.value()).norm);
  }
}

}  // namespace

void add_follow_command(CLI::App& program) {
  auto options = std::make_shared<FollowOptions>();
  CLI::App* command =
      program.add_subcommand("follow", "follow one picture through the machine and back (docs/unrolled.md)");
  command->add_option("picture", options->picture, "PNG or JPEG (default: a phantom)");
  command->add_option("--model", options->model, "a checkpoint (default: a small fresh network)");
  command->add_option("--size", options->size, "side in pixels after crop and resize")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--noise", options->noise, "standard deviation, relative to the picture's")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of phantom, noise and weights")->capture_default_str();
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal follow\n  primal follow scan.png --model runs/thesis/best.safetensors --size 256");
  command->callback([options] { follow(*options); });
}

}  // namespace primal
