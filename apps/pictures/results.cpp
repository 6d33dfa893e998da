#include "apps/pictures/results.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <unistd.h>

#include "apps/shell/is_folder.h"
#include "apps/shell/streams.h"
#include "data/formats/formats.h"
#include "tensor/error.h"

namespace primal {

namespace fs = std::filesystem;

ResultPlace::ResultPlace(const std::string& output, bool overwrite, size_t n_pictures)
    : output_(output),
      overwrite_(overwrite),
      is_file_(output != "-" && has_raster_extension(output) && !is_folder(output)) {
  if (!is_stdout() && !is_folder(output)) check_picture_name(output);
  if ((is_file_ || is_stdout()) && n_pictures != 1) {
    throw ConfigError("[output] -o {} names one picture, but there are {}; give a folder", output,
                      n_pictures);
  }
}

fs::path ResultPlace::file(const std::string& picture, const std::string& source, const std::string& suffix) {
  const fs::path base = is_file_ ? without_ending(output_) : fs::path(output_) / fs::path(picture);
  Wanted wanted{base.string() + suffix, source};
  wanted_.push_back(wanted);
  return wanted.file;
}

void ResultPlace::prepare() const {
  std::map<fs::path, std::string> sources;
  for (const Wanted& wanted : wanted_) {
    const auto [other, is_new] = sources.emplace(wanted.file.lexically_normal(), wanted.source);
    if (!is_new) {
      throw ConfigError("[output] {} and {} would both be written to {}; rename one, or use two folders",
                        other->second, wanted.source, wanted.file.string());
    }
    std::error_code error;
    if (!overwrite_ && fs::exists(wanted.file, error)) {
      throw IoError("[output] {} exists; give --overwrite to replace it, or another -o",
                    wanted.file.string());
    }
  }
  std::set<fs::path> folders;
  for (const Wanted& wanted : wanted_) {
    const fs::path folder = wanted.file.parent_path();
    folders.insert(folder.empty() ? fs::path(".") : folder);
  }
  for (const fs::path& folder : folders) make_result_folder(folder);
}

std::string ResultPlace::ending() const { return output_.substr(without_ending(output_).string().size()); }

void check_picture_name(const std::string& file) {
  static const std::set<std::string> others{".jpg", ".jpeg", ".bmp", ".gif",  ".jp2", ".jxl",
                                            ".exr", ".pdf",  ".svg", ".heic", ".avif"};
  const std::string extension = fs::path(file).extension().string();
  std::string lower = extension;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (others.contains(lower) || (lower == ".png" && extension != ".png")) {
    throw ConfigError(
        "[output] results are written as PNG, TIFF, NumPy, NIfTI, PNM, PFM, WebP or DICOM: give {} instead "
        "of {}",
        fs::path(file).replace_extension(".png").string(), file);
  }
}

void make_result_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !is_folder(folder)) {
    throw IoError("[output] {} is a file, expected a folder to write into", folder.string());
  }
  fs::create_directories(folder, error);
  if (error)
    throw IoError("[output] cannot make the folder {}: {}; give another -o", folder.string(),
                  error.message());
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw IoError("[output] cannot write into the folder {}: {}; give another -o", folder.string(),
                  std::strerror(errno));
  }
}

void write_standard_output(std::span<const uint8_t> bytes) {
  if (::isatty(STDOUT_FILENO) != 0) {
    throw ConfigError(
        "[output] -o - writes a picture to standard output, which is a terminal; add > FILE.png");
  }
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) end_without_reader();
    if (n < 0) throw IoError("[output] cannot write to standard output: {}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

}  // namespace primal
