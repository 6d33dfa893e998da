#include "apps/pictures/tiling.h"

#include <fmt/core.h>

#include "model/denoise.h"

namespace primal {

MapPlan plan_map(const UnrolledTv& model, const Shape& z, const Tiling& tiling) {
  if (tiling.text == "auto") return plan_map_in_memory(model, z);
  return plan_map(model, z, tiling.text == "off" ? 0 : static_cast<int64_t>(std::stod(tiling.text)));
}

std::string tiles_text(const MapPlan& plan) {
  if (plan.tile == 0) return "";
  return fmt::format("{} tile{} of at most {} x {} pixels, {:.2f} GB ({:.2f} GB as a whole)", plan.n_tiles,
                     plan.n_tiles == 1 ? "" : "s", plan.tile, plan.tile,
                     1e-9 * static_cast<double>(plan.bytes), 1e-9 * static_cast<double>(plan.whole_bytes));
}

}  // namespace primal
