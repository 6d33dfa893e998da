// Moving phantoms (data/phantom/moving.h) as folders of frames: OUT/moving-000017/frame_004.png, 8-bit grey.
#pragma once

#include <cstdint>
#include <filesystem>

namespace primal {

struct MovingFolder {
  std::filesystem::path output;
  int64_t n_sequences = 10, n_frames = 16, size = 64;
  uint64_t seed = 42;
};

// Writes frame t of sequence i.
void write_moving_frame(const MovingFolder& o, int64_t i, int64_t t);
// The name of its file relative to `output`, without extension.
std::filesystem::path moving_frame_name(int64_t i, int64_t t);

}  // namespace primal
