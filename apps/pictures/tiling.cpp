#include "apps/pictures/tiling.h"

#include <algorithm>
#include <fmt/core.h>

#include "apps/number_range.h"
#include "tensor/backend.h"
#include "tensor/device.h"

namespace primal {
namespace {

constexpr int64_t kMemory = int64_t{512} << 20;

int64_t memory_of(Device device) {
  if (device.kind != Device::Kind::cuda) return kMemory;
  const std::vector<DeviceInfo> all = devices();
  const auto info = std::ranges::find(all, device, &DeviceInfo::device);
  return static_cast<int64_t>(info->free_memory_bytes + backend(device).stats().reserved_bytes) / 2;
}

}  // namespace

void Tiling::add_to(CLI::App& command) {
  command
      .add_option(
          "--tile", text,
          "the network's work on a picture: off: as a whole; N: in tiles of at most N x N pixels, the "
          "same result in less memory; auto: in tiles where the whole would take more than 512 MiB")
      ->check(CLI::IsMember({"auto", "off"}) | whole_range(8, 16384))
      ->capture_default_str();
}

MapPlan plan_map(const UnrolledTv& model, const Shape& z, const Tiling& tiling) {
  if (tiling.text == "auto") return plan_map_within(model, z, memory_of(model.device()));
  return plan_map(model, z, tiling.text == "off" ? 0 : static_cast<int64_t>(std::stod(tiling.text)));
}

std::string tiles_text(const MapPlan& plan) {
  if (plan.tile == 0) return "";
  return fmt::format("{} tile{} of at most {} x {} pixels, {:.2f} GB ({:.2f} GB as a whole)", plan.n_tiles,
                     plan.n_tiles == 1 ? "" : "s", plan.tile, plan.tile,
                     1e-9 * static_cast<double>(plan.bytes), 1e-9 * static_cast<double>(plan.whole_bytes));
}

}  // namespace primal
