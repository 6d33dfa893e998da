// Whether the files of a data set are pictures, found out before hours of work depend on it.
//
//   headers   reads what announces the picture and where its parts begin: format, extent, and that
//             the file is as long as it says. A file that looks wrong is decoded, so what counts, and
//             what an error says, is the reader's own verdict (data/image). Damage inside the
//             compressed pixels goes unseen.
//   decode    reads every picture as training will
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace primal {

enum class PictureCheck { headers, decode };

struct PictureReport {
  int64_t width = 0, height = 0;  // as stored; 0 where the picture is broken
  std::string error;              // why it cannot be read; empty where it can
  bool in_colour = false;         // some pixel is not grey; found by decoding alone
};

// A report for each file, in their order, on all threads.
std::vector<PictureReport> check_pictures(std::span<const std::filesystem::path> paths, PictureCheck check);

}  // namespace primal
