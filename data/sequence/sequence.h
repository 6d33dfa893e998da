// A sequence of frames as it lies in files, and the way back to files of the same kind.
//
//   folder    one frame a file, in the natural order of their names (natural_order.h); hidden files and others are passed over
//   file      every page of a TIFF, slice of a NumPy array [T,H,W] or of a NIfTI volume is a frame
//
// Frames have one size, one type of samples and one white. Colour becomes grey (data/image/raster/raster.h). One pair of levels
// counts as 0 and 1 for all frames: with --range full and samples without a white, the smallest and largest value of all.
// Errors:  IoError for what cannot be read; DataError naming the file for a folder without frames, frames that differ, a folder
//          whose files have several pages each, and a file of one page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/formats/formats.h"
#include "data/image/raster/raster.h"
#include "data/preprocess/level_range.h"
#include "tensor/tensor.h"

namespace primal {

// Where a sequence lies: the file with all pages, or a file for each frame.
struct SequencePlace {
  std::string name;  // for tables and results: "scan3"
  std::vector<std::filesystem::path> files;
};

// A file or a folder that holds one sequence; its frames are not read yet.
SequencePlace sequence_at(const std::filesystem::path& path);

// All sequences below a folder, in the order of their names: each folder whose files are frames, and each file of several pages.
// The first file of a folder decides what its files are. The name is the path below `root`, "." for the folder itself.
std::vector<SequencePlace> find_sequences(const std::filesystem::path& root);

struct Sequence {
  SequencePlace place;
  std::vector<Raster> rasters;  // as many as files: grey
  Levels levels;
  bool was_colour = false;

  int64_t n_frames() const;
  int64_t width() const { return rasters.front().width; }
  int64_t height() const { return rasters.front().height; }
  // Frame t as values, f32 [1,1,1,H,W], and all of them, [1,1,H,W,T].
  Tensor frame(int64_t t) const;
  Tensor tensor() const;
  // The same files around other values, x [1,1,H,W,T].
  Sequence with(const Tensor& x) const;
};

Sequence read_sequence(const SequencePlace& place, const LevelRange& range = {});

// How many frames a place has. Looks into a file of pages, for a folder only counts.
int64_t count_frames(const SequencePlace& place);

}  // namespace primal
