#include "apps/sequences/moving_folder.h"

#include <fmt/format.h>
#include <regex>
#include <vector>

#include "data/phantom/moving.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {

std::filesystem::path moving_frame_name(int64_t i, int64_t t) {
  return fmt::format("moving-{:06}/frame_{:03}", i, t);
}

void remove_other_moving_frames(const MovingFolder& o) {
  namespace fs = std::filesystem;
  static const std::regex folder_name("moving-([0-9]{6,7})"), frame_name("frame_([0-9]{3,4})\\.png");
  const auto number_in = [](const fs::path& path, const std::regex& pattern) {
    std::smatch found;
    const std::string name = path.filename().string();
    return std::regex_match(name, found, pattern) ? std::stoll(found[1]) : int64_t{-1};
  };
  std::vector<fs::path> frames, folders;
  for (const fs::directory_entry& folder : fs::directory_iterator(o.output)) {
    const int64_t i = number_in(folder.path(), folder_name);
    if (i < 0 || folder.is_symlink() || !folder.is_directory()) continue;
    if (i >= o.n_sequences) folders.push_back(folder.path());
    for (const fs::directory_entry& frame : fs::directory_iterator(folder.path())) {
      const int64_t t = number_in(frame.path(), frame_name);
      if (t >= 0 && (i >= o.n_sequences || t >= o.n_frames)) frames.push_back(frame.path());
    }
  }
  std::error_code error;
  for (const fs::path& frame : frames) {
    if (!fs::remove(frame, error) || error)
      throw IoError("[output] cannot remove {}, a frame of an earlier run: {}", frame.string(),
                    error.message());
  }
  for (const fs::path& folder : folders) fs::remove(folder, error);  // stays where it holds other files
}

void write_moving_frame(const MovingFolder& o, int64_t i, int64_t t) {
  const Tensor frame = make_moving_frame(o.seed, static_cast<uint32_t>(i), o.size, t);
  write_png((o.output / moving_frame_name(i, t)).string() + ".png", to_image(frame));
}

}  // namespace primal
