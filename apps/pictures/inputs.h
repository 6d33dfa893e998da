// The pictures a command line names: files, folders, patterns, and "-" for standard input.
//
//   file      itself; what its extension is does not matter, its first bytes say the format
//   folder    every file below it with an ending of data/formats/formats.h, named by its path inside the
//             folder
//   pattern   with * ? or [ ], in quotes so that the shell leaves it alone: the pictures it matches, and
//             those below the folders it matches, named by the path after the last folder without such a
//             sign. A file of exactly that name comes first.
//
// Errors:  IoError for a file, folder or pattern that finds nothing; DataError for a folder without pictures;
//          ConfigError for "-" given twice. All before a picture is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/formats.h"
#include "data/preprocess/level_range.h"
#include "tensor/tensor.h"

namespace primal {

struct PictureInput {
  std::filesystem::path file;  // "-": standard input
  std::string name;            // of its results, without extension: "NORMAL/IM-0115-0001"
  std::shared_ptr<const std::vector<uint8_t>> bytes = nullptr;  // of standard input, once it is read

  bool is_stdin() const { return file == "-"; }
  std::string str() const { return is_stdin() ? "standard input" : file.string(); }  // for messages
};

// What a command tells of the paths it was given, besides the pictures.
struct InputRemarks {
  struct Missing {
    std::string path, problem;
  };
  std::vector<Missing> missing;                 // paths that find no picture
  std::vector<std::filesystem::path> left_out;  // files of folders that are no pictures by their extension

  // "3 files have no ending of a picture and are left out: b.gif, notes.txt, z.csv"; empty where there are
  // none.
  std::string left_out_text() const;
};

// In the order given, by name within a folder or pattern; the first `limit` of them where it is not 0. With
// `remarks`, one path of several that finds no picture is put there and the others go on.
std::vector<PictureInput> find_inputs(const std::vector<std::string>& paths, int64_t limit = 0,
                                      InputRemarks* remarks = nullptr);

// Pictures of one folder whose names differ only in their ending get different results: the one that ends in
// .png keeps NAME, another becomes NAME_jpg, NAME_PNG, and where that is taken too, NAME_jpg_2 and so on.
void make_names_unique(std::vector<PictureInput>& inputs);

// The clean picture of each input: `clean` itself where it is a file and there is one input, or the
// picture of the same name below the folder `clean`, with any extension. ConfigError or IoError naming
// the input that has none.
std::vector<PictureInput> find_clean_inputs(const std::string& clean,
                                            const std::vector<PictureInput>& inputs);

Image read_input(const PictureInput& input);

// What a picture's first bytes say. Nothing for a file that cannot be read or is no picture: reading it says
// why. Standard input is read whole for this, and kept.
std::optional<PictureFormat> format_of(PictureInput& input);

struct GreyInput {
  Raster raster;            // one channel; cropped and resized where a size was given
  int n_planes = 1;         // how many of its pages are the channels of one picture: 3 where colour was kept
  Levels levels;            // what of raster is 0 and 1
  Levels file_levels;       // what of the file is
  bool was_colour = false;  // some pixel was not grey
  bool of_levels = true;    // the file's samples are levels up to a white, not values in units of their own
  std::string small_range;  // that remark, or empty

  // As it lies in the file, before it became grey or was resized.
  SampleType file_type = SampleType::u8;
  int file_channels = 1;
  double file_slope = 1.0, file_offset = 0.0;
  double file_white = 255.0;         // as in Raster
  double file_mean_magnitude = 0.0;  // common_scale.h; computed if a range LO:HI is given
  std::string file_alpha;            // "associated", "unassociated", or empty

  int64_t n_pages() const { return raster.pages / n_planes; }
  Tensor tensor(int64_t page = 0) const { return to_unit(raster, page, levels); }
  // Its planes [n_planes,1,1,H,W].
  Tensor planes(int64_t page) const;
  // The same without samples, as its file will have it: its own number of pages and channels.
  Raster outline() const;
};
// With a size, values outside the range are clipped, and raster has levels of 8 or 16 bit; those of DICOM and
// NIfTI files without a white have a slope and an offset that make them the values of the file.
GreyInput read_grey(const PictureInput& input, int64_t size = 0, const LevelRange& range = {});
// The same, but where the file has colour its channels are kept, as n_planes pages each.
GreyInput read_colour(const PictureInput& input, int64_t size = 0, const LevelRange& range = {});

// The clean picture of a noisy one that has been read with `range`, on the scale of that one. DataError where
// there is no common scale (common_scale.h).
GreyInput read_clean(const PictureInput& clean, const PictureInput& noisy, const GreyInput& noisy_read,
                     const LevelRange& range, int64_t size = 0, bool keep_colour = false);

// "1 page", "3 pages"
std::string pages_text(int64_t n);

// The page of a file that has no others. DataError naming it where it has.
void check_one_page(const GreyInput& read, const std::string& name, const char* who);

}  // namespace primal
