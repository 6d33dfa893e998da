// The pictures a command line names: files, folders, patterns, and "-" for standard input.
//
//   file      itself; what its extension is does not matter, its first bytes say the format
//   folder    every picture below it (data/dataset), named by its path inside the folder
//   pattern   with * ? or [ ], in quotes so that the shell leaves it alone: the pictures it matches, and those below
//             the folders it matches, named by the path after the last folder without such a sign. A file of exactly that
//             name comes first.
//
// Errors:  IoError for a file, folder or pattern that finds nothing; DataError for a folder without pictures; ConfigError for
//          "-" given twice. All before a picture is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

struct PictureInput {
  std::filesystem::path file;  // "-": standard input
  std::string name;            // of its results, without extension: "NORMAL/IM-0115-0001"

  bool is_stdin() const { return file == "-"; }
  std::string str() const { return is_stdin() ? "standard input" : file.string(); }  // for messages
};

// In the order given, by name within a folder or pattern; the first `limit` of them where it is not 0.
std::vector<PictureInput> find_inputs(const std::vector<std::string>& paths, int64_t limit = 0);

// The clean picture of each input: `clean` itself where it is a file and there is one input, or the picture of the same name
// below the folder `clean`, with any extension. ConfigError or IoError naming the input that has none.
std::vector<PictureInput> find_clean_inputs(const std::string& clean,
                                            const std::vector<PictureInput>& inputs);

Image read_input(const PictureInput& input);

struct GreyInput {
  Image image;              // grey; cropped and resized where a size was given
  bool was_colour = false;  // some pixel was not grey
  bool had_alpha = false;   // left out
};
GreyInput read_grey(const PictureInput& input, int64_t size = 0);

}  // namespace primal
