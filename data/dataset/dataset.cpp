#include "data/dataset/dataset.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>

#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {

Dataset::Dataset(int64_t n_pictures, int64_t picture_size, size_t cache_bytes)
    : n_pictures_(n_pictures), picture_size_(picture_size), cache_limit_(cache_bytes) {
  if (n_pictures < 1)
    throw ConfigError("[dataset] number of pictures must be at least 1, got {}", n_pictures);
  if (picture_size < 1 || picture_size > kMaxPixels / picture_size) {
    throw ConfigError("[dataset] picture size must lie in 1 .. 16384, got {}", picture_size);
  }
  cache_.resize(static_cast<size_t>(n_pictures));
}

Tensor Dataset::clean(int64_t i) const {
  if (i < 0 || i >= n_pictures_) throw ShapeError("[dataset] picture {} of {}", i, n_pictures_);
  {
    const std::lock_guard lock(mutex_);
    const Cached& cached = cache_[static_cast<size_t>(i)];
    if (!cached.bytes.empty()) return from_cache(cached);
  }
  // Decoding happens outside the lock; two threads that ask for the same new picture both decode it, to the
  // same levels.
  const Image image = load(i);
  keep(i, image);
  return to_tensor(image);
}

Tensor Dataset::from_cache(const Cached& cached) const {
  Image image(picture_size_, picture_size_, 1, cached.bit_depth);
  if (cached.bit_depth == 8) {
    std::copy(cached.bytes.begin(), cached.bytes.end(), image.levels.begin());
  } else {
    std::memcpy(image.levels.data(), cached.bytes.data(), cached.bytes.size());
  }
  return to_tensor(image);
}

void Dataset::keep(int64_t i, const Image& image) const {
  Cached cached{image.bit_depth, {}};
  if (image.bit_depth == 8) {
    cached.bytes.assign(image.levels.begin(), image.levels.end());
  } else {
    cached.bytes.resize(image.levels.size() * sizeof(uint16_t));
    std::memcpy(cached.bytes.data(), image.levels.data(), cached.bytes.size());
  }
  const std::lock_guard lock(mutex_);
  Cached& place = cache_[static_cast<size_t>(i)];
  if (!place.bytes.empty() || cached_bytes_ + cached.bytes.size() > cache_limit_) return;
  cached_bytes_ += cached.bytes.size();
  place = std::move(cached);
}

size_t Dataset::cached_bytes() const {
  const std::lock_guard lock(mutex_);
  return cached_bytes_;
}

namespace {

std::vector<std::filesystem::path> first_pictures(const std::filesystem::path& folder, int64_t limit) {
  if (limit < 0) throw ConfigError("[dataset] limit must be at least 0 (all pictures), got {}", limit);
  std::vector<std::filesystem::path> paths = find_pictures(folder);
  if (limit > 0 && static_cast<size_t>(limit) < paths.size()) paths.resize(static_cast<size_t>(limit));
  return paths;
}

}  // namespace

ImageFolder::ImageFolder(const std::filesystem::path& folder, int64_t picture_size, int64_t limit,
                         size_t cache_bytes)
    : ImageFolder(folder, first_pictures(folder, limit), picture_size, cache_bytes) {}

ImageFolder::ImageFolder(const std::filesystem::path& folder, std::vector<std::filesystem::path> paths,
                         int64_t picture_size, size_t cache_bytes)
    : Dataset(std::ssize(paths), picture_size, cache_bytes), folder_(folder), paths_(std::move(paths)) {}

std::string ImageFolder::name(int64_t i) const {
  return path(i).lexically_relative(folder_).generic_string();
}

Image ImageFolder::load(int64_t i) const { return preprocess(read_image(path(i)), picture_size()); }

PhantomSet::PhantomSet(uint64_t seed, int64_t n_pictures, int64_t picture_size, uint32_t first_index,
                       size_t cache_bytes)
    : Dataset(n_pictures, picture_size, cache_bytes), seed_(seed), first_index_(first_index) {}

std::string PhantomSet::name(int64_t i) const { return fmt::format("phantom-{:06}", first_index_ + i); }

Image PhantomSet::load(int64_t i) const {
  return to_image(make_phantom(seed_, first_index_ + static_cast<uint32_t>(i), picture_size()));
}

bool counts_as_picture(const std::filesystem::directory_entry& entry,
                       bool (*is_picture)(const std::filesystem::path&)) {
  std::error_code unreadable;
  const bool is_dangling = entry.is_symlink(unreadable) && !entry.exists(unreadable);
  return (is_picture(entry.path()) && (is_dangling || entry.is_regular_file(unreadable))) ||
         is_link_to_missing_folder(entry.path());
}

namespace {

// Visits the folders below one, those behind symbolic links after all others, each once.
class FolderWalk {
 public:
  FolderWalk(const std::filesystem::path& folder, bool (*is_picture)(const std::filesystem::path&))
      : is_picture_(is_picture) {
    enter(folder);
    while (!links_.empty()) {
      std::vector<std::filesystem::path> links;
      links.swap(links_);
      std::sort(links.begin(), links.end());
      for (const std::filesystem::path& link : links) enter(link);
    }
  }
  const std::vector<std::filesystem::path>& pictures() const { return pictures_; }

 private:
  void enter(const std::filesystem::path& folder) {
    std::error_code error;
    if (!visited_.insert(std::filesystem::canonical(folder, error)).second && !error) return;
    auto entry = std::filesystem::directory_iterator(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) visit(*entry);
    if (error) throw IoError("[dataset] cannot read the folder {}: {}", folder.string(), error.message());
  }

  void visit(const std::filesystem::directory_entry& entry) {
    // Hidden files are other programs' notes (and our own unfinished ones), hidden folders too.
    if (entry.path().filename().string().starts_with('.')) return;
    std::error_code unreadable;
    if (entry.is_directory(unreadable)) {
      entry.is_symlink(unreadable) ? links_.push_back(entry.path()) : enter(entry.path());
    } else if (counts_as_picture(entry, is_picture_)) {
      pictures_.push_back(entry.path());
    }
  }

  bool (*is_picture_)(const std::filesystem::path&);
  std::set<std::filesystem::path> visited_;  // without links
  std::vector<std::filesystem::path> links_, pictures_;
};

}  // namespace

std::vector<std::filesystem::path> find_pictures(const std::filesystem::path& folder,
                                                 bool (*is_picture)(const std::filesystem::path&),
                                                 const char* extensions) {
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) {
    throw IoError("[dataset] no folder {}: {}", folder.string(),
                  error ? error.message() : "No such file or directory");
  }
  if (!std::filesystem::is_directory(folder, error)) {
    throw IoError("[dataset] {} is not a folder; a data set is a folder of pictures", folder.string());
  }
  const FolderWalk walk(folder, is_picture);
  std::vector<std::pair<std::string, std::filesystem::path>> found;  // relative name, path
  for (const std::filesystem::path& path : walk.pictures())
    found.emplace_back(path.lexically_relative(folder).generic_string(), path);
  if (found.empty()) {
    throw DataError("[dataset] no pictures in {} or below it: looked for files ending in {}", folder.string(),
                    extensions);
  }
  // By bytes of the relative name, whatever the locale and the order of the file system.
  std::sort(found.begin(), found.end());
  std::vector<std::filesystem::path> paths;
  for (auto& [relative, path] : found) paths.push_back(std::move(path));
  return paths;
}

bool is_link_to_missing_folder(const std::filesystem::path& path) {
  std::error_code error;  // a folder that cannot be read is reported by find_pictures
  return !path.has_extension() && std::filesystem::is_symlink(path, error) &&
         !std::filesystem::exists(path, error);
}

void check_link(const std::filesystem::path& path) {
  if (!is_link_to_missing_folder(path)) return;
  std::error_code error;
  throw IoError("[dataset] {} is a link to a folder that does not exist: {}", path.string(),
                std::filesystem::read_symlink(path, error).string());
}

std::filesystem::path split_folder(const std::filesystem::path& root, const std::string& split) {
  const auto has = [&](const std::string& name) {
    check_link(root / name);
    std::error_code error;
    return std::filesystem::is_directory(root / name, error);
  };
  if (has(split)) return root / split;
  std::string others;
  for (const char* name : {"train", "val", "test"}) {
    if (has(name)) others += fmt::format("{}{}", others.empty() ? "" : ", ", name);
  }
  if (!others.empty()) throw DataError("[dataset] {} has {}, but no folder {}", root.string(), others, split);
  return root;
}

std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, uint32_t epoch) {
  return RandomStream(seed, RandomPurpose::shuffle, epoch).permutation(n);
}

}  // namespace primal
