// primal follow: one picture through the whole machine, from z to Lambda to x_T to the loss, and back
// through the adjoint. It prints what each step of docs/unrolled.md talks about: the equation, the file that
// computes it, and its numbers.
#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/text_file.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "apps/training/denoising_task.h"
#include "apps/training/model_choice.h"
#include "data/figure/figure.h"
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
  std::string picture, model, boundary;
  int64_t size = 64;
  double noise = 0.5;
  uint64_t seed = 42;
  std::string output;
  FigureStyle figures;
  bool overwrite = false;
};

struct Spread {
  double low, mean, high, norm;
};

Spread spread_of(const Tensor& t) {
  const std::vector<double> v = t.to_doubles();
  Spread s{v.front(), 0.0, v.front(), 0.0};
  for (const double e : v) {
    s.low = std::min(s.low, e);
    s.high = std::max(s.high, e);
    s.mean += e / static_cast<double>(v.size());
    s.norm += e * e;
  }
  s.norm = std::sqrt(s.norm);
  return s;
}

// Tells the steps as they are done: as text at once, or all of them as JSON at the end.
class Story {
 public:
  explicit Story(bool json) : json_(json) {}

  void step(const char* equation, const char* file) {
    steps_.push_back({{"equation", equation}, {"file", file}, {"tensors", nlohmann::json::object()}});
    if (!json_) put("\n{}. {}\n   {}\n", steps_.size(), equation, file);
  }

  void tensor(const char* name, const Tensor& t) {
    const Spread s = spread_of(t);
    steps_.back()["tensors"][name] = {
        {"tensor", t.str()}, {"min", s.low}, {"mean", s.mean}, {"max", s.high}, {"norm", s.norm}};
    if (json_) return;
    put("    {:<12} {:<20} min {:>11.4e}  mean {:>11.4e}  max {:>11.4e}  norm {:>10.4e}\n", name, t.str(),
        s.low, s.mean, s.high, s.norm);
  }

  // What else there is to say of the step: as members of its object, and in words.
  void add(const nlohmann::json& numbers, const std::string& words) {
    steps_.back().update(numbers, /*merge_objects=*/true);
    if (!json_) put_text(fmt::format("    {}\n", words));
  }

  void end() const {
    if (json_) print_json({{"steps", steps_}});
  }

 private:
  bool json_;
  nlohmann::json steps_ = nlohmann::json::array();
};

// The pictures of -o: z, Lambda, the iterates that the table has, and the gradients. Nowhere without a
// folder.
class StoryPictures {
 public:
  StoryPictures(const std::string& folder, bool overwrite, const FigureStyle& style)
      : folder_(folder), overwrite_(overwrite), style_(style) {
    if (wanted()) make_result_folder(folder);
  }

  void grey(const std::string& name, const Tensor& x) const {
    if (!wanted()) return;
    write_png(checked(name + ".png"), to_image(x.to(Device{})));
  }

  // Lambda in colour, on a logarithmic scale with a bar.
  void map(const std::string& name, const Tensor& lambda) const {
    if (wanted()) draw(name, "Lambda, log scale", Picture::log_map(lambda.to(Device{}), "Lambda"));
  }

  // What has a sign: zero is grey, and of the largest 1 % only the sign is seen.
  void signed_values(const std::string& name, const Tensor& values, const std::string& label) const {
    if (!wanted()) return;
    std::vector<double> sizes = values.to_doubles();
    for (double& v : sizes) v = std::abs(v);
    std::ranges::sort(sizes);
    const double most = std::max(sizes[(sizes.size() - 1) * 99 / 100], 1e-300);
    Picture picture = Picture::grey(values.to(Device{}), -most, most);
    picture.bar = true;
    draw(name, label, picture);
  }

 private:
  bool wanted() const { return !folder_.empty(); }

  std::filesystem::path checked(const std::string& name) const {
    check_result_file(folder_ / name, overwrite_);
    return folder_ / name;
  }

  void draw(const std::string& name, const std::string& title, const Picture& picture) const {
    const std::filesystem::path file = checked(name + style_.ending());
    if (style_.data) checked(name + ".csv");
    style_.write(file, {.rows = {{Panel{title, picture}}}});
  }

  std::filesystem::path folder_;
  bool overwrite_;
  FigureStyle style_;
};

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double sum = 0.0;
  for (size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}

// The iterates that the eye wants to see: 1, 2, 4, ... and T.
void tell_iterations(Story& story, const StoryPictures& pictures, const Tensor& z, const Tensor& lambda,
                     const Tensor& clean, PdhgParams params) {
  const int64_t n_iter = params.n_iter;
  const PdhgState state = pdhg_start(z, params);
  nlohmann::json rows = nlohmann::json::array();
  std::string table = fmt::format("{:>6} {:>14} {:>14} {:>10}", "k", "objective", "gap", "PSNR dB");
  int64_t done = 0;
  for (int64_t k = 1; done < n_iter; k *= 2) {
    params.n_iter = std::min(k, n_iter) - done;
    pdhg_iterate(z, lambda, params, state);
    done += params.n_iter;
    pictures.grey(fmt::format("x_{:04}", done), state.x);
    const double primal = tv_objective(state.x, z, lambda, params.axes).front();
    const double gap = tv_gap(state.x, state.q, z, lambda, params.axes).front();
    const double decibel = psnr(state.x, clean);
    rows.push_back({{"k", done}, {"objective", primal}, {"gap", gap}, {"psnr", decibel}});
    table += fmt::format("\n    {:>6} {:>14.8f} {:>14.3e} {:>10.3f}", done, primal, gap, decibel);
  }
  story.add({{"iterations", rows}}, table);
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
    model = load_model(model_file(options.model, options.common.quiet), {}, device);
  }
  const Boundary boundary =
      options.boundary.empty() ? model->options().boundary : parse_boundary(options.boundary);
  const Tensor clean =
      (options.picture.empty() ? make_phantom(options.seed, 0, options.size)
                               : to_tensor(preprocess(read_image(options.picture), options.size)))
          .to(device);

  Story story(options.common.json);
  const StoryPictures pictures(options.output, options.overwrite, options.figures);
  story.step("z = x + s std(x) n", "data/noise");
  const Tensor noisy = add_noise(clean, NoiseKind::relative, options.noise, NoiseKey{.seed = options.seed});
  story.tensor("clean x", clean);
  story.tensor("noisy z", noisy);
  pictures.grey("clean", clean);
  pictures.grey("z", noisy);
  const double noisy_psnr = psnr(noisy, clean);
  story.add({{"psnr", noisy_psnr}}, fmt::format("PSNR {:.3f} dB", noisy_psnr));

  story.step("Lambda = f(unet(z)), f = scale softplus(.) or up_bound sigmoid(.)", "nn/unet, nn/lambda_map");
  const Variable z(noisy, true);
  const Variable lambda = model->map_of(z);
  story.add({{"parameters", model->n_parameters()}},
            fmt::format("{} parameters in the network", model->n_parameters()));
  story.tensor("Lambda", lambda.value());
  pictures.map("lambda", lambda.value());

  story.step("x_T = PDHG_T(z, Lambda):  p+, q+, x+, x_bar+", "solvers/pdhg");
  const UnrolledTv::Steps steps = model->steps();
  PdhgParams params{
      .n_iter = model->options().n_iter, .sigma = steps.sigma, .tau = steps.tau, .theta = steps.theta};
  params.p_start = model->options().start;
  const double bound = steps.tau * steps.sigma * model->norm_bound() * model->norm_bound();
  story.add({{"sigma", steps.sigma}, {"tau", steps.tau}, {"theta", steps.theta}, {"tau_sigma_L2", bound}},
            fmt::format("sigma {:.6f}  tau {:.6f}  theta {:.6f}  tau sigma L^2 = {:.6f} <= 1", steps.sigma,
                        steps.tau, steps.theta, bound));
  story.add({{"boundary", name_of(boundary)}}, fmt::format("{} boundary", name_of(boundary)));
  const auto weights = [&](const Variable& map) {
    return weights_at(boundary, map, noisy.shape(), params.axes);
  };
  tell_iterations(story, pictures, noisy, weights(lambda.value()).value(), clean, params);

  // The map becomes a leaf here, so that its gradient can be looked at before it goes on into the network.
  story.step("loss = mean (x_T - x)^2", "nn/mse_loss");
  const Variable map(lambda.value(), true), z_leaf(noisy, true);
  const Variable x = pdhg(z_leaf, weights(map), params);
  const Variable x_leaf(x.value(), true);
  const Variable loss = mse_loss(x_leaf, clean);
  story.tensor("x_T", x.value());
  const double loss_now = loss.value().item(), x_psnr = psnr(x.value(), clean);
  story.add({{"loss", loss_now}, {"psnr", x_psnr}},
            fmt::format("loss {:.8e}  PSNR {:.3f} dB", loss_now, x_psnr));

  story.step("x^ = 2 (x_T - x) / n", "nn/mse_loss");
  loss.backward();
  story.tensor("grad x_T", x_leaf.grad());
  pictures.signed_values("grad_x", x_leaf.grad(), "gradient at x_T");

  story.step("Lambda^, z^ from the adjoint of T iterations", "solvers/pdhg");
  x.backward(x_leaf.grad());
  story.tensor("grad Lambda", map.grad());
  story.tensor("grad z", z_leaf.grad());
  pictures.signed_values("grad_lambda", map.grad(), "gradient at Lambda");
  pictures.signed_values("grad_z", z_leaf.grad(), "gradient at z");
  const int64_t tape_bytes = pdhg_tape_bytes(noisy.shape(), noisy.dtype(), params, false);
  story.add({{"tape_bytes", tape_bytes}},
            fmt::format("tape {:.1f} KB: 2 bits per dual component and iteration",
                        static_cast<double>(tape_bytes) / 1e3));
  const double left = dot(x_leaf.grad(), x.value());
  const double right = dot(z_leaf.grad(), noisy) + dot(map.grad(), map.value());
  story.add(
      {{"homogeneity", {left, right}}},
      fmt::format("x_T is homogeneous of degree 1: <x^, x_T> = {:.9e}, <z^, z> + <Lambda^, Lambda> = {:.9e}",
                  left, right));

  story.step("parameter gradients, back through the map and the U-Net", "nn/*, autograd/variable");
  lambda.backward(map.grad());
  const auto parameters = model->parameters();
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined() || !name.ends_with("weight")) continue;
    const double gradient = spread_of(parameter.grad()).norm, weight = spread_of(parameter.value()).norm;
    story.add({{"gradients", {{name, {{"norm", gradient}, {"weight_norm", weight}}}}}},
              fmt::format("{:<46} |grad| {:.4e}   |weight| {:.4e}", name, gradient, weight));
  }
  story.end();
}

}  // namespace

void add_follow_command(CLI::App& program) {
  auto options = std::make_shared<FollowOptions>();
  CLI::App* command =
      program.add_subcommand("follow", "follow one picture through the network and back (docs/unrolled.md)");
  command->add_option("picture", options->picture, "a picture (default: a phantom)");
  command->add_option("--model", options->model,
                      "a checkpoint, or the folder of a run (default: a small fresh network)");
  add_boundary_option(*command, options->boundary, "the model's; periodic for the fresh network");
  command->add_option("--size", options->size, "side in pixels after cropping and resizing")
      ->check(whole_range(8, 4096))
      ->capture_default_str();
  command->add_option("--noise", options->noise, "standard deviation of the noise, relative to the picture's")
      ->check(number_range(0, 10))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "seed of the phantom, the noise and the weights")
      ->check(whole_range(0))
      ->capture_default_str();
  command->add_option("-o,--output", options->output,
                      "folder for z, Lambda, the iterates x_k of the table and the gradients, as pictures");
  add_figure_style(*command, options->figures);
  command->add_flag("--overwrite", options->overwrite, "replace files that exist");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal follow\n  primal follow -o steps\n  primal follow scan.png --model "
      "runs/thesis/best.safetensors --size 256");
  command->callback([options] { follow(*options); });
}

}  // namespace primal
