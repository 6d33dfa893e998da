#include "tensor/vendor/vendor_library.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <sstream>

#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// prefix/lib/python3.11/site-packages and the like.
void add_python_folders(const fs::path& prefix, std::vector<fs::path>& folders) {
  for (const char* lib : {"lib", "lib64"}) {
    std::error_code error;
    std::vector<fs::path> versions;
    for (const auto& entry : fs::directory_iterator(prefix / lib, error)) {
      if (entry.path().filename().string().starts_with("python3")) versions.push_back(entry.path());
    }
    std::ranges::sort(versions, std::greater<>());  // the newest first, as far as names tell
    for (const fs::path& version : versions) {
      folders.push_back(version / "site-packages");
      folders.push_back(version / "dist-packages");
    }
  }
}

// The virtual environment of the python3 that the shell would run. A link is not followed: it
// leads out of the environment.
void add_environment_of_path(std::vector<fs::path>& folders) {
  std::istringstream path(environment("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) {
    std::error_code error;
    if (folder.empty() || !fs::exists(fs::path(folder) / "python3", error)) continue;
    const fs::path prefix = fs::path(folder) / "..";
    if (fs::exists(prefix / "pyvenv.cfg", error)) add_python_folders(prefix.lexically_normal(), folders);
    return;
  }
}

std::vector<fs::path> python_folders() {
  std::vector<fs::path> folders;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const std::string prefix = environment(name); !prefix.empty()) add_python_folders(prefix, folders);
  }
  std::istringstream path(environment("PYTHONPATH"));
  for (std::string folder; std::getline(path, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  add_environment_of_path(folders);
  if (const std::string home = environment("HOME"); !home.empty()) {
    add_python_folders(fs::path(home) / ".local", folders);
  }
  for (const char* prefix : {"/usr/local", "/usr", "/opt/conda", "/opt/venv"})
    add_python_folders(prefix, folders);
  return folders;
}

}  // namespace

std::vector<std::string> library_candidates(const VendorLibrary& library) {
  if (library.file.find('/') != std::string::npos) return {library.file};
  std::vector<std::string> candidates;
  const auto add_if_there = [&](const fs::path& folder) {
    std::error_code error;
    const std::string file = (folder / library.file).string();
    if (fs::exists(file, error) && std::ranges::count(candidates, file) == 0) candidates.push_back(file);
  };
  const auto add_root = [&](const std::string& root) {
    if (root.empty()) return;
    for (const char* below : {"", "lib", "lib64"}) add_if_there(fs::path(root) / below);
  };
  add_root(environment(library.root.c_str()));
  candidates.push_back(library.file);  // the system's own search
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) add_root(environment(name));
  add_root("/usr/local/cuda");
  for (const fs::path& folder : python_folders()) {
    for (const std::string& below : library.of_python) add_if_there(folder / "nvidia" / below);
  }
  return candidates;
}

LoadedLibrary::LoadedLibrary(const VendorLibrary& library) : library_(library) {
  std::vector<std::string> reasons;
  for (const std::string& candidate : library_candidates(library)) {
    handle_ = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = candidate;
      return;
    }
    const char* text = dlerror();
    const std::string reason = text == nullptr ? candidate : text;
    // Copies of a library that lack the same other one all give that one's name as the reason.
    if (std::ranges::count(reasons, reason) == 0) reasons.push_back(reason);
  }
  problem_ = fmt::format("{} was not found ({})", library.name, fmt::join(reasons, "; "));
  if (!library.root.empty()) problem_ += fmt::format("; set {} to its folder", library.root);
}

void* LoadedLibrary::symbol(const char* name) const {
  if (!loaded()) throw DeviceError("[{}] {}", library_.name, problem_);
  void* found = dlsym(handle_, name);
  if (found == nullptr) {
    throw DeviceError("[{}] {} has no {}: another version than this build expects", library_.name, path_,
                      name);
  }
  return found;
}

}  // namespace primal
