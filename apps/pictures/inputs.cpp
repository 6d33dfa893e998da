#include "apps/pictures/inputs.h"

#include <algorithm>
#include <glob.h>
#include <map>

#include "data/dataset/dataset.h"
#include "data/file/file.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPatternSigns = "*?[";

bool exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}
bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

PictureInput below(const fs::path& folder, const fs::path& file) {
  return {file, file.lexically_relative(folder).replace_extension().generic_string()};
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  const std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (status == GLOB_NOSPACE) throw DeviceError("[input] no memory for the matches of '{}'", pattern);
  return paths;
}

void add_pattern(std::vector<PictureInput>& inputs, const std::string& pattern) {
  const size_t slash = pattern.find_last_of('/', pattern.find_first_of(kPatternSigns));
  const fs::path folder = slash == std::string::npos ? "" : pattern.substr(0, slash + 1);
  const auto name_below = [&](const fs::path& file) {
    return folder.empty() ? PictureInput{file, fs::path(file).replace_extension().generic_string()}
                          : below(folder, file);
  };
  const std::vector<std::string> paths = matches(pattern);
  const size_t before = inputs.size();
  for (const std::string& path : paths) {
    if (is_folder(path)) {
      for (const fs::path& picture : find_pictures(path)) inputs.push_back(name_below(picture));
    } else if (has_image_extension(path)) {
      inputs.push_back(name_below(path));
    }
  }
  if (inputs.size() == before) {
    throw IoError("[input] '{}' matches {}; patterns know * ? and [ ], pictures end in {}", pattern,
                  paths.empty() ? "nothing" : "no picture", kImageExtensions);
  }
}

}  // namespace

std::vector<PictureInput> find_inputs(const std::vector<std::string>& paths, int64_t limit) {
  std::vector<PictureInput> inputs;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-") {
      inputs.push_back({"-", "stdin"});
    } else if (is_folder(path)) {
      for (const fs::path& picture : find_pictures(path)) inputs.push_back(below(path, picture));
    } else if (exists(path)) {
      inputs.push_back({path, fs::path(path).stem().string()});
    } else if (path.find_first_of(kPatternSigns) != std::string::npos) {
      add_pattern(inputs, path);
    } else if (!fs::exists(path, error) && error) {
      throw IoError("[input] cannot read {}: {}", path, error.message());
    } else {
      throw IoError("[input] there is no file or folder {}", path);
    }
  }
  if (std::ranges::count_if(inputs, &PictureInput::is_stdin) > 1) {
    throw ConfigError("[input] standard input (-) is given twice, but it can be read once");
  }
  if (limit > 0 && static_cast<int64_t>(inputs.size()) > limit) inputs.resize(static_cast<size_t>(limit));
  return inputs;
}

std::vector<PictureInput> find_clean_inputs(const std::string& clean,
                                            const std::vector<PictureInput>& inputs) {
  if (!is_folder(clean)) {
    if (!exists(clean)) throw IoError("[--clean] there is no file or folder {}", clean);
    if (inputs.size() != 1) {
      throw ConfigError("[--clean] {} is one picture for {} noisy ones; give a folder with the same names",
                        clean, inputs.size());
    }
    return find_inputs({clean});
  }
  std::map<std::string, PictureInput> by_name;
  for (const PictureInput& picture : find_inputs({clean})) {
    const auto [other, is_new] = by_name.emplace(picture.name, picture);
    if (!is_new) {
      throw ConfigError("[--clean] {} and {} have the same name: which is the clean one?",
                        other->second.str(), picture.str());
    }
  }
  std::vector<PictureInput> pairs;
  for (const PictureInput& input : inputs) {
    const auto found = by_name.find(input.name);
    if (found == by_name.end()) {
      throw IoError("[--clean] {} has no picture of the name {} for {}; looked for the endings {}", clean,
                    input.name, input.str(), kImageExtensions);
    }
    pairs.push_back(found->second);
  }
  return pairs;
}

Image read_input(const PictureInput& input) {
  return input.is_stdin() ? decode_image(read_standard_input(), input.str()) : read_image(input.file);
}

GreyInput read_grey(const PictureInput& input, int64_t size) {
  const Image image = read_input(input);
  GreyInput grey{size > 0 ? preprocess(image, size) : to_grey(image)};
  grey.had_alpha = image.had_alpha;
  const std::vector<uint16_t>& levels = image.levels;
  for (size_t i = 0; image.channels == 3 && i < levels.size() && !grey.was_colour; i += 3) {
    grey.was_colour = levels[i] != levels[i + 1] || levels[i] != levels[i + 2];
  }
  return grey;
}

}  // namespace primal
