// Sequences of frames as files: moving phantoms as folders of PNG, and stacks of pages.
#pragma once

#include <filesystem>
#include <fmt/format.h>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/phantom/moving.h"
#include "data/preprocess/preprocess.h"

namespace primal::testing {

// Frames 0 .. n - 1 of a moving phantom, in 8 bit.
inline Raster moving_stack(PictureFormat format, uint32_t index, int64_t size, int64_t n_frames) {
  Raster raster{.format = format,
                .width = size,
                .height = size,
                .pages = n_frames,
                .type = SampleType::u8,
                .white = 255.0};
  allocate(raster);
  for (int64_t t = 0; t < n_frames; ++t) {
    const Image frame = to_image(make_moving_frame(1, index, size, t));
    std::ranges::transform(frame.levels, raster.page<uint8_t>(t).begin(),
                           [](uint16_t level) { return static_cast<uint8_t>(level); });
  }
  return raster;
}

inline void write_stack(const std::filesystem::path& file, const Raster& raster) {
  write_file_atomically(file, encode_raster(raster, raster.format));
}

// frame1.png, frame2.png, ... without leading zeros, so that their natural order is not that of their bytes.
inline void write_frames(const std::filesystem::path& folder, uint32_t index, int64_t size,
                         int64_t n_frames) {
  std::filesystem::create_directories(folder);
  for (int64_t t = 0; t < n_frames; ++t)
    write_png(folder / fmt::format("frame{}.png", t + 1), to_image(make_moving_frame(1, index, size, t)));
}

}  // namespace primal::testing
