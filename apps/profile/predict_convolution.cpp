// Predicts convolutions from the steps of their blocks. The model distributes blocks evenly among the
// multiprocessors.
#include <algorithm>
#include <cmath>
#include <fmt/core.h>

#include "apps/profile/predict_launch.h"
#include "nn/conv3d/conv3d_kernels.h"

namespace primal {
namespace {

// Channels of a step; channels of a block; columns of a tile.
constexpr int64_t kDepth = 8, kChannels = 32, kColumns = 32;
constexpr double kWarpsOfABlock = 4;  // each on a scheduler of its own
constexpr int64_t kGradientRows = 2;  // rows of a tile in the gradient of the weights

int64_t ceil_of(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Convolution {
  enum class Phase { forward, data, weights };
  Phase phase;
  Conv3dGeometry geometry;
  bool tensor_core, three_products;

  int64_t side() const { return geometry.weight[4]; }
  int64_t depth() const { return geometry.weight[2]; }
  // The channels that the forward pass and backward-data sum over.
  int64_t n_in() const { return phase == Phase::data ? geometry.weight[0] : geometry.weight[1]; }
};

bool ends_with_any(const std::string& name, const char* phase) {
  return name == fmt::format("conv3d_{}_tiled", phase) || name == fmt::format("conv3d_{}_tensor_core", phase);
}

std::optional<Convolution> convolution_of(const simt::ListedLaunch& launch) {
  if (!launch.range || launch.range->detail.geometry.empty()) return std::nullopt;
  Convolution c{};
  if (ends_with_any(launch.name, "forward")) {
    c.phase = Convolution::Phase::forward;
  } else if (ends_with_any(launch.name, "backward_data")) {
    c.phase = Convolution::Phase::data;
  } else if (ends_with_any(launch.name, "backward_weights")) {
    c.phase = Convolution::Phase::weights;
  } else {
    return std::nullopt;
  }
  c.geometry = conv3d_geometry(launch.range->detail.geometry);
  c.tensor_core = launch.name.ends_with("_tensor_core");
  c.three_products = launch.range->detail.implementation == "tensor_core_3x";
  return c;
}

std::string kernel_of(const Convolution& c) {
  const bool weights = c.phase == Convolution::Phase::weights;
  if (!c.tensor_core)
    return fmt::format("{}_kernel<{}> tiled", weights ? "gradient" : "convolution", c.side());
  const int products = c.three_products ? 3 : 1;
  if (weights) return fmt::format("gradient_kernel<{}, {}>", c.side(), products);
  return fmt::format("product_kernel<{}, {}, {}>", c.side(), c.phase == Convolution::Phase::data, products);
}

// The steps of a block. The tiled kernels skip channels that do not exist; the other kernels multiply by
// zeros.
double steps_of(const Convolution& c, const simt::ListedLaunch& launch) {
  if (c.phase == Convolution::Phase::weights) {
    const Shape& x = c.geometry.x;
    const int64_t volume = x[2] * x[3] * x[4];
    const int64_t tiles = c.side() == 1
                              ? x[0] * ceil_of(ceil_of(volume, kColumns), kGradientRows)
                              : x[0] * x[2] * ceil_of(x[3], kGradientRows) * ceil_of(x[4], kColumns);
    return static_cast<double>(ceil_of(tiles, launch.grid[0]));
  }
  const double depth = static_cast<double>(c.depth());
  if (!c.tensor_core && c.n_in() < kDepth) return depth * static_cast<double>(c.n_in()) / kDepth;
  return depth * static_cast<double>(ceil_of(ceil_of(c.n_in(), kDepth), launch.cluster));
}

// The blocks that compute the convolution. The splits of a tile form a cluster. Additional blocks add up the
// weight gradients of the previous launch; the bytes that they read count as bytes of this launch.
double blocks_of(const Convolution& c, const simt::ListedLaunch& launch) {
  if (c.phase == Convolution::Phase::weights) return launch.n_blocks();
  return static_cast<double>(launch.grid[0]) * launch.grid[1] * launch.cluster;
}

double bytes_of_step(const Convolution& c) {
  const int64_t side = c.side();
  if (c.phase == Convolution::Phase::weights)
    return static_cast<double>(4 * kChannels * (2 * 64 + (side == 1 ? 64 : 4 * 40)));
  const int64_t patch = side == 1 ? 8 * kColumns : 10 * 40;
  // The kernel also reads the output of the activation, for its derivative.
  const int64_t patches = c.phase == Convolution::Phase::data && side > 1 ? 2 : 1;
  return static_cast<double>(4 * kDepth * (patches * patch + kChannels * side * side));
}

// The bytes that each block of a cluster reads from the shared memory of all blocks: as many as its own part
// has.
double bytes_of_part(const Convolution& c) {
  const int64_t taps = c.side() * c.side();
  return static_cast<double>(c.phase == Convolution::Phase::weights ? 4 * kChannels * kChannels * taps
                                                                    : 4 * kChannels * 8 * kColumns);
}

}  // namespace

bool predict_convolution(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work) {
  const std::optional<Convolution> c = convolution_of(launch);
  if (!c) return false;
  const KernelCost* const cost = kernel_cost(kernel_of(*c));
  if (cost == nullptr) return false;
  work.kernel = cost->name;
  const double n_blocks = blocks_of(*c, launch), steps = steps_of(*c, launch);
  const double warps = launch.n_threads() / launch.n_blocks() / 32.0;
  const double each = std::max(n_blocks / device.multiprocessors, 1.0);  // blocks of a multiprocessor
  // For a scheduler: a block with fewer warps than there are schedulers leaves some of them to other blocks,
  // but does not become faster.
  const double turns = std::max(each * warps / kWarpsOfABlock, 1.0) * steps;
  work.instructions = cost->all * steps * warps * n_blocks;
  work.products = cost->products * steps * warps * n_blocks;
  const double clock = 1.0 / device.clocks_per_us;
  take(work, {cost->least * turns * clock, cost->all * turns * clock}, "issue");
  const TimeRange& product = device.clocks_per_product;
  take(work, {cost->products * turns * product.low * clock, cost->products * turns * product.high * clock},
       "tensor");
  const double shared = cost->shared_loads * warps * each * steps * clock;
  take(work, {shared, shared}, "shared");
  const double copies = each * steps * bytes_of_step(*c) / (device.l2_bytes_per_us / device.multiprocessors);
  take(work, {copies, copies}, "copies");
  if (launch.cluster > 1) {  // assumption: as fast between multiprocessors as from L2
    const double sums = n_blocks * bytes_of_part(*c) / device.l2_bytes_per_us;
    work.us += {sums, sums};
  }
  return true;
}

}  // namespace primal
