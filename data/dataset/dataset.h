// Data sets: numbered clean pictures, all of one size, from a folder or made up.
//
//   ImageFolder   the .png .jpg .jpeg files below a folder, sorted by name, each preprocessed
//   PhantomSet    phantoms (data/phantom), rounded to 8 bits as a file would hold them
//
// A picture is decoded when it is first asked for and kept as levels of 8 or 16 bits (200 pictures of
// 256 x 256: 13 MB), until the cache is full; what does not fit is decoded each time. clean() may be
// called from several threads.
// Errors:  IoError for a folder that cannot be read; DataError for one without pictures, or without the split
//          asked for; ConfigError for a size or number below 1. A broken file is an error when its picture is
//          asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  int64_t size() const { return n_pictures_; }
  int64_t picture_size() const { return picture_size_; }  // S
  virtual std::string name(int64_t i) const = 0;          // for logs and tables; unique in the set
  Tensor clean(int64_t i) const;  // f32 [1,1,1,S,S] in [0,1]; ShapeError outside 0 .. size() - 1
  size_t cached_bytes() const;

 protected:
  static constexpr size_t kCacheBytes = size_t{1} << 30;

  Dataset(int64_t n_pictures, int64_t picture_size, size_t cache_bytes);
  virtual Image load(int64_t i) const = 0;  // grey, S x S
  // Keeps picture i while there is room; load() calls it for others that it has decoded on its way.
  void keep(int64_t i, const Image& image) const;

 private:
  // Levels of one picture: 1 or 2 bytes each; empty while it is not cached.
  struct Cached {
    int bit_depth = 8;
    std::vector<uint8_t> bytes;
  };
  Tensor from_cache(const Cached& cached) const;

  int64_t n_pictures_, picture_size_;
  size_t cache_limit_;
  mutable std::mutex mutex_;
  mutable std::vector<Cached> cache_;
  mutable size_t cached_bytes_ = 0;
};

class ImageFolder : public Dataset {
 public:
  // All pictures below `folder`, in subfolders too; with a limit only the first so many by name.
  ImageFolder(const std::filesystem::path& folder, int64_t picture_size, int64_t limit = 0,
              size_t cache_bytes = kCacheBytes);

  // These files of the folder, in this order.
  ImageFolder(const std::filesystem::path& folder, std::vector<std::filesystem::path> paths,
              int64_t picture_size, size_t cache_bytes = kCacheBytes);

  std::string name(int64_t i) const override;  // path relative to the folder: "NORMAL/IM-0115-0001.jpeg"
  const std::filesystem::path& folder() const { return folder_; }
  const std::filesystem::path& path(int64_t i) const { return paths_.at(static_cast<size_t>(i)); }

 private:
  Image load(int64_t i) const override;

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> paths_;
};

class PhantomSet : public Dataset {
 public:
  // The phantoms first_index .. first_index + n_pictures - 1 of a seed; sets with disjoint indices share no
  // picture.
  PhantomSet(uint64_t seed, int64_t n_pictures, int64_t picture_size, uint32_t first_index = 0,
             size_t cache_bytes = kCacheBytes);

  std::string name(int64_t i) const override;  // "phantom-000017"

 private:
  Image load(int64_t i) const override;

  uint64_t seed_;
  uint32_t first_index_;
};

// Pictures below a folder by path: files with a picture's extension, hidden ones left out, sorted by their
// relative name. Symbolic links to folders are followed; a folder that is reached several ways counts once,
// under its own name rather than a link's, so that links that form a cycle end. A link to a picture or a
// folder (a name without an ending) that does not exist is listed too; reading it fails.
// Throws DataError with the known extensions if there is no picture.
// `is_picture` judges names; `extensions` is what the message says of it.
std::vector<std::filesystem::path> find_pictures(
    const std::filesystem::path& folder,
    bool (*is_picture)(const std::filesystem::path&) = has_image_extension,
    const char* extensions = kImageExtensions);

// Whether `path` is a link to a folder that does not exist, as when a disk is not mounted. A link to nothing
// is taken for one to a folder if its name has no ending. check_link() throws IoError for it.
bool is_link_to_missing_folder(const std::filesystem::path& path);
void check_link(const std::filesystem::path& path);

// Whether an entry of a folder is listed as a picture: a file whose name `is_picture` accepts, or a link to
// such a file or to a folder that does not exist, so that reading it reports an error.
bool counts_as_picture(const std::filesystem::directory_entry& entry,
                       bool (*is_picture)(const std::filesystem::path&));

// Where a split ("train", "val", "test") of a data set lies: root/split where that is a folder, root itself
// where the root has no such folders at all (a flat folder serves every split); DataError where it has
// others but not this one.
std::filesystem::path split_folder(const std::filesystem::path& root, const std::string& split);

// The order in which an epoch visits n pictures: a permutation drawn from the stream (seed, shuffle, epoch).
std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, uint32_t epoch);

}  // namespace primal
