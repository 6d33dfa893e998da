#include "apps/sequences/moving_folder.h"

#include <fmt/format.h>

#include "data/phantom/moving.h"
#include "data/preprocess/preprocess.h"

namespace primal {

std::filesystem::path moving_frame_name(int64_t i, int64_t t) {
  return fmt::format("moving-{:06}/frame_{:03}", i, t);
}

void write_moving_frame(const MovingFolder& o, int64_t i, int64_t t) {
  const Tensor frame = make_moving_frame(o.seed, static_cast<uint32_t>(i), o.size, t);
  write_png((o.output / moving_frame_name(i, t)).string() + ".png", to_image(frame));
}

}  // namespace primal
