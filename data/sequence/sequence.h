// Reads a sequence of frames from files and writes it back to files of the same format.
//
//   folder    one frame per file, in natural order of the names (natural_order.h); hidden files and other
//             kinds of files are ignored
//   file      each page of a TIFF, each slice of a NumPy array [T,H,W] and each slice of a NIfTI volume is a
//             frame
//
// All frames have the same size, sample type and white level. Colour becomes grey
// (data/image/raster/raster.h). The same two levels count as 0 and 1 for all frames: with --range full and
// samples without a white level, the smallest and largest value of all frames.
// Errors:  IoError for what cannot be read; DataError naming the file for a folder without frames, frames
//          that differ, a folder whose files have several pages each, and a file of one page.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/formats/formats.h"
#include "data/image/raster/raster.h"
#include "data/preprocess/level_range.h"
#include "tensor/tensor.h"

namespace primal {

// Where a sequence is stored: one file with all pages, or one file for each frame.
struct SequencePlace {
  std::string name;  // for tables and results: "scan3"
  std::vector<std::filesystem::path> files;
};

// A file or a folder that holds one sequence; its frames are not read yet.
SequencePlace sequence_at(const std::filesystem::path& path);

// All sequences below a folder, in the order of their names: each folder whose files are frames, and
// each file of several pages.
// The first readable file of a folder decides whether its files are frames or sequences. The name is the path
// below `root`, "." for the folder itself.
std::vector<SequencePlace> find_sequences(const std::filesystem::path& root);

struct Sequence {
  SequencePlace place;
  std::vector<Raster> rasters;  // one for each file, in grey
  Levels levels;
  bool was_colour = false;

  int64_t n_frames() const;
  int64_t width() const { return rasters.front().width; }
  int64_t height() const { return rasters.front().height; }
  // The values of frame t, f32 [1,1,1,H,W], and of all frames, [1,1,H,W,T].
  Tensor frame(int64_t t) const;
  Tensor tensor() const;
  // The same files with the values of x [1,1,H,W,T].
  Sequence with(const Tensor& x) const;
};

Sequence read_sequence(const SequencePlace& place, const LevelRange& range = {});
// The same with a range that depends on the first frame, given as it was read.
Sequence read_sequence(const SequencePlace& place,
                       const std::function<LevelRange(const Raster& first)>& range_of);

// The number of frames at a place. A file of pages is read for this; in a folder the files are only counted.
int64_t count_frames(const SequencePlace& place);

}  // namespace primal
