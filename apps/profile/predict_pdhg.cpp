// Predicts PDHG in overlapped tiles: blocks iterate on their own, then the grid or the cluster of a picture
// synchronises and they exchange the borders of their tiles.
#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <optional>

#include "apps/profile/predict_launch.h"
#include "tensor/op/geometry_text.h"

namespace primal {
namespace {

constexpr double kExchanged = 5;  // fields that blocks exchange, with 4 bytes for each pixel

// OverlappedTile<iterations between synchronisations, halo, warps, rows of a warp> (solvers/pdhg/cuda).
struct Tile {
  int together, halo, warps, rows;

  double width() const { return kWarp - 2 * halo; }
  double height() const { return warps * rows - 2 * halo; }
  std::string name() const {
    return fmt::format("OverlappedTile<{}, {}, {}, {}>", together, halo, warps, rows);
  }
};
constexpr Tile kTiles[] = {{8, 8, 12, 4}, {4, 4, 8, 4}, {12, 12, 11, 8}};

struct Solve {
  double pictures, height, width, iterations;

  double pixel_iterations() const { return pictures * height * width * iterations; }
};

// "n1 d1 h256 w256 axes3,4 T256"; a sequence is not solved in tiles.
std::optional<Solve> solve_of(const std::string& text) {
  const size_t t = text.rfind(" T");
  if (t == std::string::npos) return std::nullopt;
  const GeometryText words("pdhg", text);
  if (words.one("d") != 1) return std::nullopt;
  return Solve{static_cast<double>(words.one("n")), static_cast<double>(words.one("h")),
               static_cast<double>(words.one("w")), static_cast<double>(words.one("T"))};
}

// ClusterTile<iterations between synchronisations, halo, warps, rows and columns of a thread>
constexpr struct {
  int together = 4, halo = 4, warps = 16, rows = 6, columns = 2;

  double pixels() const { return kWarp * columns * warps * rows; }
  double width() const { return kWarp * columns - 2 * halo; }
  double height() const { return warps * rows - 2 * halo; }
} kClusterTile;

// For each pixel and iteration the tape has half a byte of codes, and four bytes of x if steps are learnt.
int kept_on_tape(const simt::ListedLaunch& launch, const Solve& solve) {
  const double tape = launch.range->detail.cost.bytes;
  return tape > 4.0 * solve.pixel_iterations() ? 2 : tape > 0.25 * solve.pixel_iterations() ? 1 : 0;
}
std::string kernel_of(const Tile& tile, const simt::ListedLaunch& launch, const Solve& solve) {
  const int kept = kept_on_tape(launch, solve);
  if (launch.name == "pdhg_adjoint")
    return fmt::format("overlapped_adjoint_kernel<{}, true, {}>", tile.name(), kept == 2);
  return fmt::format("overlapped_forward_kernel<{}, {}>", tile.name(), kept);
}

// A cluster for each picture. Its blocks have to lie in one group of multiprocessors, which has
// 16 of them or a few more.
bool predict_clusters(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work) {
  constexpr double kGroup = 16;
  const auto& tile = kClusterTile;
  const std::optional<Solve> solve = solve_of(launch.range->detail.geometry);
  const KernelCost* const cost =
      solve ? kernel_cost(fmt::format("clusters_forward_kernel<ClusterTile<{}, {}, {}, {}, {}>, {}>",
                                      tile.together, tile.halo, tile.warps, tile.rows, tile.columns,
                                      kept_on_tape(launch, *solve)))
            : nullptr;
  if (cost == nullptr) return false;
  work.kernel = cost->name;
  const double at_once = std::floor(device.multiprocessors / kGroup) * std::floor(kGroup / launch.cluster);
  const double rounds = std::ceil(solve->pictures / at_once);
  const double busiest = std::ceil(tile.warps / device.schedulers), clock = 1.0 / device.clocks_per_us;
  const double iteration =
      (busiest * tile.rows * tile.columns * cost->least + device.block_meets_clocks) * clock;
  // Assumption: as fast between multiprocessors as from L2.
  const double moved = 4.0 * kExchanged * (tile.pixels() - tile.width() * tile.height());
  const double exchange = device.cluster_meets_us + moved / (device.l2_bytes_per_us / device.multiprocessors);
  const double exchanges = std::ceil(solve->iterations / tile.together);
  work.instructions = solve->pictures * launch.cluster * tile.warps *
                      (solve->iterations * tile.rows * tile.columns * cost->least + exchanges * cost->all);
  const double low = rounds * (solve->iterations * iteration + exchanges * exchange);
  take(work, {low, low + rounds * exchanges * busiest * cost->all * clock}, "iterations");
  return true;
}

}  // namespace

bool predict_pdhg(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work) {
  if (launch.name == "pdhg_forward" && !launch.cooperative && launch.range &&
      launch.block[1] == static_cast<unsigned>(kClusterTile.warps))
    return predict_clusters(device, launch, work);
  if (!launch.cooperative || (launch.name != "pdhg_forward" && launch.name != "pdhg_adjoint")) return false;
  const auto* const tile = std::ranges::find_if(
      kTiles, [&](const Tile& t) { return static_cast<unsigned>(t.warps) == launch.block[1]; });
  if (tile == std::end(kTiles) || !launch.range) return false;
  const std::optional<Solve> solve = solve_of(launch.range->detail.geometry);
  const KernelCost* const cost = solve ? kernel_cost(kernel_of(*tile, launch, *solve)) : nullptr;
  if (cost == nullptr) return false;
  work.kernel = cost->name;
  const double tiles =
      solve->pictures * std::ceil(solve->width / tile->width()) * std::ceil(solve->height / tile->height());
  const double rounds = std::ceil(tiles / device.multiprocessors);
  const double busiest = std::ceil(tile->warps / device.schedulers);  // warps of a scheduler
  const double clock = 1.0 / device.clocks_per_us;
  const double iteration = (busiest * tile->rows * cost->least + device.block_meets_clocks) * clock;
  const double moved = (rounds == 1 ? 1 : 2) * 4.0 * kExchanged * kWarp * tile->warps * tile->rows;
  const double exchange =
      device.grid_meets_us + rounds * moved / (device.l2_bytes_per_us / device.multiprocessors);
  work.grid_meetings = std::ceil(solve->iterations / tile->together);
  work.instructions =
      tiles * tile->warps * (solve->iterations * tile->rows * cost->least + work.grid_meetings * cost->all);
  const double low = solve->iterations * rounds * iteration + work.grid_meetings * exchange;
  const double outside = work.grid_meetings * rounds * busiest * cost->all * clock;
  take(work, {low, low + outside}, "iterations");
  return true;
}

}  // namespace primal
