#include "nn/unrolled_tv/training_plan.h"

#include <algorithm>
#include <vector>

#include "nn/activation/activation.h"
#include "nn/adam/adam.h"
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/upsample3d/upsample3d.h"
#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

constexpr int64_t kWorkspace = int64_t{2} << 20;
constexpr int64_t kWinogradPoints = 36, kChannelBlock = 8;  // of conv3d_winograd

int64_t bytes_of(const Shape& shape) {
  return static_cast<int64_t>(MemoryPool::size_class(4 * static_cast<size_t>(shape.numel())));
}

double flops_of(const PhaseCosts& costs) {
  double sum = 0.0;
  for (const auto& [phase, cost] : costs) sum += cost.flops;
  return sum;
}

// Blocks that are live as a step goes on, and the most they ever were.
class Ledger {
 public:
  void take(int64_t bytes) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  void give(int64_t bytes) { live_ -= bytes; }
  // Something that comes and goes within one op.
  void touch(int64_t bytes) { peak_ = std::max(peak_, live_ + bytes); }
  int64_t live() const { return live_; }
  int64_t peak() const { return peak_; }

 private:
  int64_t live_ = 0, peak_ = 0;
};

// One double convolution and what leads to it, as forward left it for backward.
struct Level {
  Shape in{}, out{};         // of the double convolution; of a decoder both parts together
  int64_t argmax = 0;        // encoder: what the pooling before it keeps
  Shape coarse{}, halved{};  // decoder: what comes from below, and that after the 1x1x1, not yet upsampled
};

class Walk {
 public:
  Walk(const UnrolledTv& model, const Shape& z) : o_(model.options()), z_(z) {
    for (const auto& [name, p] : model.parameters()) parameters_ += bytes_of(p.shape());
    plan_.bytes.weights = plan_.bytes.gradients = parameters_;
    plan_.bytes.moments = 2 * parameters_;
    plan_.flops.rest += adam_cost(static_cast<double>(model.n_parameters())).flops;
    ledger_.take(2 * bytes_of(z));  // noisy and clean
    padded_ = z;
    for (int a = 0; a < 3; ++a) {
      int64_t multiple = 1;
      for (int64_t b = 0; b < o_.unet.blocks; ++b) multiple *= o_.unet.pool[static_cast<size_t>(a)];
      padded_ = padded_.with(a + 2, (z[a + 2] + multiple - 1) / multiple * multiple);
    }
  }

  TrainingPlan plan() {
    const int64_t pictures = ledger_.live();
    forward();
    plan_.bytes.activations = ledger_.live() - pictures - plan_.bytes.tape;
    backward();
    TrainingMemory& b = plan_.bytes;
    b.passing = ledger_.peak() - b.activations - b.tape;
    return plan_;
  }

 private:
  void forward() {
    const int64_t F = o_.unet.filters, blocks = o_.unet.blocks;
    if (!(padded_ == z_)) ledger_.take(bytes_of(padded_));
    Shape x = padded_;
    levels_.push_back(double_conv({x, x.with(1, F)}, false));
    x = levels_.back().out;
    for (int64_t i = 0; i < blocks; ++i) {
      const Shape pooled = resized(x, false);
      plan_.flops.rest += flops_of(max_pool3d_cost(x, pooled, {.kernel = o_.unet.pool}));
      ledger_.take(2 * bytes_of(pooled));  // values and argmax
      levels_.push_back(double_conv({pooled, pooled.with(1, 2 * x[1]), bytes_of(pooled)}, true));
      x = levels_.back().out;
    }
    for (int64_t i = blocks - 1; i >= 0; --i) {
      const Shape halved = x.with(1, x[1] / 2), up = resized(halved, true);
      count_conv(x, halved, {1, 1, 1}, true);
      plan_.flops.rest += flops_of(upsample3d_cost(halved, up, UpsampleMode::trilinear));
      ledger_.take(bytes_of(halved));
      ledger_.take(bytes_of(up));
      ledger_.give(bytes_of(halved));
      levels_.push_back(double_conv({up.with(1, x[1]), up, 0, x, halved}, true));
      x = up;
    }
    const Shape head = x.with(1, o_.unet.out_channels), lambda = z_.with(1, n_maps());
    count_conv(x, head, {1, 1, 1}, true);
    ledger_.take(bytes_of(head));
    ledger_.take(bytes_of(lambda));
    ledger_.give(bytes_of(head));
    const int64_t fields = bytes_of(z_) * (2 + o_.axes.count());  // x_bar, p, q
    ledger_.take(bytes_of(z_));                                   // x, which the loss keeps
    plan_.bytes.tape = pdhg_tape_bytes(z_, DType::f32, pdhg_params(), o_.learn_steps);
    ledger_.take(plan_.bytes.tape);
    ledger_.touch(fields + kWorkspace);
    plan_.flops.pdhg = flops_of(pdhg_cost(z_, lambda, pdhg_params(), o_.learn_steps));
    plan_.flops.rest += flops_of(mse_loss_cost(z_));
  }

  // Takes what its forward takes: the results of both convolutions.
  Level double_conv(const Level& level, bool to_input) {
    count_conv(level.in, level.out, o_.unet.kernel, to_input);
    count_conv(level.out, level.out, o_.unet.kernel, true);
    plan_.flops.rest += 2.0 * flops_of(activation_cost(level.out, ActivationKind::leaky_relu));
    ledger_.take(bytes_of(level.out));
    ledger_.touch(workspace(level.in[1], level.out[1]));
    ledger_.take(bytes_of(level.out));
    ledger_.touch(workspace(level.out[1], level.out[1]));
    return level;
  }

  void backward() {
    const Shape& last = levels_.back().out;
    ledger_.take(2 * bytes_of(z_));                                        // gradients of x and Lambda
    ledger_.touch(bytes_of(z_) * (4 + 2 * o_.axes.count()) + kWorkspace);  // fields of the adjoint
    ledger_.give(plan_.bytes.tape + 2 * bytes_of(z_));                     // the tape, x and its gradient
    const int64_t head = bytes_of(last.with(1, o_.unet.out_channels));
    ledger_.take(head);
    ledger_.give(2 * bytes_of(z_));  // Lambda and its gradient
    ledger_.take(bytes_of(last));    // the gradient that double_conv_backward finds
    ledger_.give(head);
    const auto n = static_cast<size_t>(o_.unet.blocks);
    for (size_t i = levels_.size() - 1; i > n; --i) {  // decoder: finest first
      const Level& level = levels_[i];
      double_conv_backward(level,
                           2 * bytes_of(level.out));  // of the skip, which waits for the encoder, and of up
      ledger_.give(bytes_of(level.out));              // up
      ledger_.take(bytes_of(level.halved));
      ledger_.give(bytes_of(level.out));  // its gradient
      ledger_.take(bytes_of(level.coarse));
      ledger_.touch(kWorkspace);
      ledger_.give(bytes_of(level.halved));
    }
    for (size_t i = n; i > 0;
         --i) {  // encoder: coarsest first; the gradient of what was pooled waits already
      double_conv_backward(levels_[i], bytes_of(levels_[i].in));
      ledger_.give(2 * bytes_of(levels_[i].in) + levels_[i].argmax);
    }
    double_conv_backward(levels_[0], 0);
  }

  // From the gradient of out, which it gives back with both results, to that of in, which stays.
  void double_conv_backward(const Level& level, int64_t gradient_of_in) {
    const int64_t out = bytes_of(level.out);
    ledger_.take(out);
    ledger_.touch(workspace(level.out[1], level.out[1]));
    ledger_.give(2 * out);
    ledger_.take(gradient_of_in);
    ledger_.touch(workspace(level.in[1], level.out[1]));
    ledger_.give(2 * out);
  }

  void count_conv(const Shape& x, const Shape& y, const std::array<int64_t, 3>& kernel, bool to_input) {
    const PhaseCosts costs = conv3d_cost(x, {y[1], x[1], kernel[0], kernel[1], kernel[2]}, y);
    for (const auto& [phase, cost] : costs) {
      if (to_input || phase != "backward_data") plan_.flops.convolutions += cost.flops;
    }
  }

  static int64_t workspace(int64_t n_in, int64_t n_out) {
    return kWorkspace +
           4 * kWinogradPoints * n_in * ((n_out + kChannelBlock - 1) / kChannelBlock * kChannelBlock);
  }

  Shape resized(Shape x, bool up) const {
    for (int a = 0; a < 3; ++a) {
      const int64_t factor = o_.unet.pool[static_cast<size_t>(a)];
      x = x.with(a + 2, up ? x[a + 2] * factor : x[a + 2] / factor);
    }
    return x;
  }

  int64_t n_maps() const { return static_cast<int64_t>(o_.map_channel.size()); }
  PdhgParams pdhg_params() const { return {.n_iter = o_.n_iter, .axes = o_.axes}; }

  const UnrolledTvOptions& o_;
  Shape z_, padded_;
  int64_t parameters_ = 0;
  std::vector<Level> levels_;
  Ledger ledger_;
  TrainingPlan plan_;
};

}  // namespace

TrainingPlan plan_training(const UnrolledTv& model, const Shape& z) { return Walk(model, z).plan(); }

}  // namespace primal
