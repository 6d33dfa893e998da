// What a picture file holds, for `primal inspect PICTURE`: size, values, and the noise of each channel
// (data/noise_estimate). If a file has several pages, the first one is described.
// Errors: those of read_raster (data/formats/formats.h).
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/pictures/picture_noise.h"
#include "data/noise_estimate/noise_estimate.h"

namespace primal {

struct PictureContents {
  struct Channel {
    std::string name;                // grey; red, green, blue
    double least = 0, greatest = 0;  // as the file means them: levels, or values in units of their own
    double mean = 0.0;               // where 0 and 1 are the ends of the range
    PictureNoise noise;
    std::optional<NoiseLine> line;  // none of a picture that is too small
  };
  std::string file;
  std::string format, samples;  // "png", "uint8"
  int64_t width = 0, height = 0, pages = 1;
  int bit_depth = 8;             // of a sample
  double low = 0.0, high = 0.0;  // the values that are 0 and 1 here, as --range full has them
  bool of_levels = true;
  std::vector<std::string> remarks;  // what is wrong with the file and did not matter
  std::vector<Channel> channels;
};

PictureContents read_picture_contents(const std::filesystem::path& file);
nlohmann::json to_json(const PictureContents& contents);
void print_picture(const PictureContents& contents);

}  // namespace primal
