// Noisy copies of a folder of pictures, or of generated castings, and the manifest that says which belongs to
// which: the work of `primal data noisy`.
//
//   from             each picture below the folder becomes OUT/noisy/NAME.png
//   n_phantoms       castings (data/phantom/castings.h), OUT/clean/CLASS/casting_NNNNNN.png and noisy copies
//                    of them
// Each picture has one of the types of noise: as many of each as of any other, to within one, in all and in
// each folder.
// Errors:  those of reading and writing pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "data/noise/noise_types.h"
#include "data/phantom/castings.h"
#include "data/table/table.h"
#include "tensor/device.h"

namespace primal {

struct NoisyCopies {
  std::string from, output;  // folders; from is empty for castings
  int64_t n_phantoms = 0, phantom_size = kCastingSize;
  uint64_t seed = 42;
  TypedNoise noise = {};  // the parameters of every type
  bool quiet = false;
};

// A clean picture and what becomes of it.
struct NoisyCopy {
  std::filesystem::path clean;  // its file, made here for a casting
  std::string name;             // of the results, without an ending: "def_front/cast_0_1"
  std::string label;            // "" where its path says none
  NoiseType type = NoiseType::gaussian;
  std::filesystem::path noisy;
};

// All of them, with their types but without places for the noisy ones.
std::vector<NoisyCopy> find_copies(const NoisyCopies& o, const std::vector<NoiseType>& types);
// Picture `index` of the list in grey: reads its file; makes a casting and writes it to that file.
Image clean_picture(const NoisyCopies& o, const NoisyCopy& copy, size_t index);
// Writes the noisy copy of that picture.
void write_noisy_copy(const NoisyCopies& o, const NoisyCopy& copy, size_t index, const Image& clean,
                      Device device);
Table manifest_of(const NoisyCopies& o, const std::vector<NoisyCopy>& copies);

}  // namespace primal
