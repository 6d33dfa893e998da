#include "apps/training/run_folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <utility>
#include <vector>

#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNumberPrefix = "step_", kFailedPrefix = "nan_step_", kSuffix = ".safetensors";
constexpr std::array<std::string_view, 5> kEndings{kSuffix, ".toml", ".csv", ".jsonl", ".html"};

// The step of "step_000600.safetensors", -1 for any other name.
int64_t step_of(const std::string& name) {
  if (!name.starts_with(kNumberPrefix) || !name.ends_with(kSuffix)) return -1;
  const char* begin = name.data() + kNumberPrefix.size();
  const char* end = name.data() + name.size() - kSuffix.size();
  int64_t step = -1;
  const auto [stop, error] = std::from_chars(begin, end, step);
  return error == std::errc() && stop == end ? step : -1;
}

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {}

const fs::path& RunFolder::make() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw IoError("[train] cannot make the folder {}: {}", path_.string(), error.message());
  return path_;
}

fs::path RunFolder::numbered(int64_t step) const {
  return path_ / fmt::format("{}{:06}{}", kNumberPrefix, step, kSuffix);
}

fs::path RunFolder::failed(int64_t step) const {
  return path_ / fmt::format("{}{}{}", kFailedPrefix, step, kSuffix);
}

void RunFolder::write_config(const std::string& toml) const {
  write_file_atomically(path_ / "config.toml", {reinterpret_cast<const uint8_t*>(toml.data()), toml.size()});
}

void RunFolder::keep_newest(int64_t n) const {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(path_, error)) {
    const int64_t step = step_of(file.path().filename().string());
    if (step >= 0) found.emplace_back(step, file.path());
  }
  std::ranges::sort(found, std::greater<>());
  for (size_t i = static_cast<size_t>(n); i < found.size(); ++i) fs::remove(found[i].second, error);
}

void RunFolder::remove_if(const std::function<bool(const std::string&)>& unwanted) const {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(path_, error)) {
    if (unwanted(file.path().filename().string())) found.push_back(file.path());
  }
  for (const fs::path& file : found) fs::remove(file, error);
}

// Names as data/file/file.h gives them: ".last.safetensors.PID.COUNT.tmp".
void RunFolder::remove_unfinished() const {
  remove_if([](const std::string& name) {
    if (!name.starts_with('.') || !name.ends_with(".tmp")) return false;
    return std::ranges::any_of(kEndings, [&](std::string_view ending) {
      return name.find(std::string(ending) + ".") != std::string::npos;
    });
  });
}

void RunFolder::remove_old_checkpoints() const {
  std::error_code error;
  fs::remove(best(), error);
  keep_newest(0);
  remove_if(
      [](const std::string& name) { return name.starts_with(kFailedPrefix) && name.ends_with(kSuffix); });
}

}  // namespace primal
