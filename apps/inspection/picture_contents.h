// What a picture file holds, for `primal inspect PICTURE`: size, levels, and the noise of each channel (data/noise_estimate).
// Errors: those of read_image (data/image/image.h).
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
    std::string name;             // grey; red, green, blue
    int least = 0, greatest = 0;  // level
    double mean = 0.0;            // of the values, where the largest level of the bit depth is 1
    PictureNoise noise;
    std::optional<NoiseLine> line;  // none of a picture that is too small
  };
  std::string file;
  int64_t width = 0, height = 0;
  int bit_depth = 8;
  std::vector<std::string> remarks;  // what is wrong with the file and did not matter
  std::vector<Channel> channels;
};

PictureContents read_picture_contents(const std::filesystem::path& file);
nlohmann::json to_json(const PictureContents& contents);
void print_picture(const PictureContents& contents);

}  // namespace primal
