#include "apps/pictures/inputs.h"

#include <algorithm>
#include <fmt/format.h>
#include <glob.h>
#include <map>

#include "apps/shell/is_folder.h"
#include "data/dataset/dataset.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPatternSigns = "*?[";

bool exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

PictureInput below(const fs::path& folder, const fs::path& file) {
  return {file, without_ending(file.lexically_relative(folder)).generic_string()};
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  const std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (status == GLOB_NOSPACE) throw DeviceError("[input] no memory for the matches of '{}'", pattern);
  return paths;
}

// The pictures below a folder; its other files go to `others`, hidden ones left out.
std::vector<fs::path> pictures_of(const fs::path& folder, std::vector<fs::path>* others) {
  if (others == nullptr) return find_pictures(folder, has_raster_extension, kRasterExtensions);
  std::error_code error;
  std::vector<fs::path> found;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code unreadable;
    if (it->path().filename().string().starts_with('.')) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file(unreadable) && !has_raster_extension(it->path())) {
      found.push_back(it->path());
    }
  }
  std::ranges::sort(found);
  others->insert(others->end(), found.begin(), found.end());
  return find_pictures(folder, has_raster_extension, kRasterExtensions);  // reports what cannot be read
}

void add_pattern(std::vector<PictureInput>& inputs, const std::string& pattern,
                 std::vector<fs::path>* others) {
  const size_t slash = pattern.find_last_of('/', pattern.find_first_of(kPatternSigns));
  const fs::path folder = slash == std::string::npos ? "" : pattern.substr(0, slash + 1);
  const auto name_below = [&](const fs::path& file) {
    return folder.empty() ? PictureInput{file, without_ending(file).generic_string()} : below(folder, file);
  };
  const std::vector<std::string> paths = matches(pattern);
  const size_t before = inputs.size();
  for (const std::string& path : paths) {
    if (is_folder(path)) {
      for (const fs::path& picture : pictures_of(path, others)) inputs.push_back(name_below(picture));
    } else if (has_raster_extension(path) || is_link_to_missing_folder(path)) {
      inputs.push_back(name_below(path));  // reading what does not exist reports an error
    }
  }
  if (inputs.size() == before) {
    throw IoError("[input] '{}' matches {}; patterns know * ? and [ ], pictures end in {}", pattern,
                  paths.empty() ? "nothing" : "no picture", kRasterExtensions);
  }
}

void add_path(std::vector<PictureInput>& inputs, const std::string& path, std::vector<fs::path>* others) {
  std::error_code error;
  if (path == "-") {
    inputs.push_back({"-", "stdin"});
  } else if (is_folder(path)) {
    for (const fs::path& picture : pictures_of(path, others)) inputs.push_back(below(path, picture));
  } else if (exists(path)) {
    inputs.push_back({path, without_ending(fs::path(path).filename()).string()});
  } else if (path.find_first_of(kPatternSigns) != std::string::npos) {
    add_pattern(inputs, path, others);
  } else if (!fs::exists(path, error) && error) {
    throw IoError("[input] cannot read {}: {}", path, error.message());
  } else {
    throw IoError("[input] there is no file or folder {}", path);
  }
}

}  // namespace

std::vector<PictureInput> find_inputs(const std::vector<std::string>& paths, int64_t limit,
                                      InputRemarks* remarks) {
  std::vector<PictureInput> inputs;
  std::vector<fs::path>* const others = remarks == nullptr ? nullptr : &remarks->left_out;
  for (const std::string& path : paths) {
    try {
      add_path(inputs, path, others);
    } catch (const Error& error) {
      if (remarks == nullptr || paths.size() == 1) throw;
      remarks->missing.push_back({path, error.what()});
    }
  }
  if (remarks != nullptr && inputs.empty() && !remarks->missing.empty())
    throw IoError("{}", remarks->missing.front().problem);
  if (std::ranges::count_if(inputs, &PictureInput::is_stdin) > 1) {
    throw ConfigError("[input] standard input (-) is given twice, but it can be read only once");
  }
  if (limit > 0 && std::ssize(inputs) > limit) inputs.resize(static_cast<size_t>(limit));
  return inputs;
}

std::string InputRemarks::left_out_text() const {
  constexpr size_t kNamed = 3;
  if (left_out.empty()) return "";
  std::string text =
      left_out.size() == 1
          ? "1 file has no ending of a picture and is left out"
          : fmt::format("{} files have no ending of a picture and are left out", left_out.size());
  for (size_t i = 0; i < std::min(left_out.size(), kNamed); ++i)
    text += (i == 0 ? ": " : ", ") + left_out[i].filename().string();
  return text + (left_out.size() > kNamed ? ", ..." : "");
}

void make_names_unique(std::vector<PictureInput>& inputs) {
  const auto folder_of_file = [](const PictureInput& input) {
    std::error_code error;
    return fs::absolute(input.file, error).lexically_normal().parent_path();
  };
  std::map<std::string, fs::path> folder_of;  // by the name of a result
  std::vector<PictureInput*> others;
  for (PictureInput& input : inputs) {
    if (input.file.extension() == ".png")
      folder_of.emplace(input.name, folder_of_file(input));
    else
      others.push_back(&input);
  }
  for (PictureInput* input : others) {
    const fs::path folder = folder_of_file(*input);
    // What clashes with a picture of another folder keeps its name, and is refused where results are placed.
    const auto is_taken = [&](const std::string& name) {
      const auto found = folder_of.find(name);
      return found != folder_of.end() && found->second == folder;
    };
    const std::string extension = input->file.extension().string();
    const std::string longer = input->name + "_" + (extension.empty() ? "" : extension.substr(1));
    std::string name = is_taken(input->name) ? longer : input->name;
    for (int n = 2; is_taken(name); ++n) name = fmt::format("{}_{}", longer, n);
    folder_of.emplace(name, folder);
    input->name = name;
  }
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
      throw IoError("[--clean] {} has no picture of the name {} for {}; the extensions tried were {}", clean,
                    input.name, input.str(), kRasterExtensions);
    }
    pairs.push_back(found->second);
  }
  return pairs;
}

Image read_input(const PictureInput& input) {
  if (!input.is_stdin()) return read_image(input.file);
  return decode_image(input.bytes ? *input.bytes : read_standard_input(), input.str());
}

std::optional<PictureFormat> format_of(PictureInput& input) {
  if (input.is_stdin()) {
    input.bytes = std::make_shared<const std::vector<uint8_t>>(read_standard_input());
    return format_of(std::span(*input.bytes).first(std::min(input.bytes->size(), kFileStartBytes)));
  }
  // Only a file can be looked at and read again; a pipe's bytes come once.
  std::error_code error;
  if (!fs::is_regular_file(input.file, error)) return std::nullopt;
  try {
    return format_of(read_file_start(input.file));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace primal
