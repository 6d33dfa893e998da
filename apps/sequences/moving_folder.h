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

// Removes the frames of an earlier, larger run from the folder, which a training would take for frames of
// this one: files that have the names of moving_frame_name() and lie beyond n_sequences and n_frames, and
// folders that are empty without them. IoError where one cannot be removed.
void remove_other_moving_frames(const MovingFolder& o);

// Writes frame t of sequence i.
void write_moving_frame(const MovingFolder& o, int64_t i, int64_t t);
// The name of its file relative to `output`, without extension.
std::filesystem::path moving_frame_name(int64_t i, int64_t t);

}  // namespace primal
