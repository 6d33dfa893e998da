// Where a command's results go, and that nothing is lost there: every file is checked before any work begins.
//
//   -o DIR        DIR/NAME.png and so on, folders made as needed
//   -o FILE.png   that file, for one picture, in the format that its ending says; what else belongs to it
//                 lies beside it as FILE_lambda.png and so on
//   -o -          the picture on standard output
//
// Errors:  ConfigError for a place that cannot hold what is wanted, and for two results of one name; IoError
//          for a file that exists without --overwrite, and for a folder that cannot be made or written to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace primal {

class ResultPlace {
 public:
  // `output` as given with -o, "" for nowhere; n_pictures is how many there will be.
  ResultPlace(const std::string& output, bool overwrite, size_t n_pictures);

  bool is_nowhere() const { return output_.empty(); }
  bool is_stdout() const { return output_ == "-"; }
  bool is_file() const { return is_file_; }
  // The ending of the output, where it is a file, as the user wrote it: ".png", ".nii.gz".
  std::string ending() const;

  // The file of one result: suffix ".png" is the picture itself, "_lambda.png" its map. Notes who wants it.
  std::filesystem::path file(const std::string& picture, const std::string& source,
                             const std::string& suffix);

  // Checks every file that file() gave, then makes the folders.
  void prepare() const;

 private:
  struct Wanted {
    std::filesystem::path file;
    std::string source;
  };
  std::string output_;
  bool overwrite_, is_file_;
  std::vector<Wanted> wanted_;
};

// ConfigError for a name whose ending promises a format of pictures that is not written.
void check_picture_name(const std::string& file);

// Throws IoError where the folder does not exist and cannot be made, is no folder, or cannot be written to.
void make_result_folder(const std::filesystem::path& folder);

// All bytes to standard output. ConfigError where that is a terminal; IoError where it takes no more.
void write_standard_output(std::span<const uint8_t> bytes);

}  // namespace primal
