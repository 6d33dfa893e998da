#include "data/file/new_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Removes a file at the end of its scope.
struct Removed {
  std::filesystem::path path;
  ~Removed() { ::unlink(path.c_str()); }
};

// A link to nothing is not there: it is replaced, as write_file_atomically() replaces it.
bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

bool write_new_file(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  static std::atomic<unsigned> counter{0};
  if (is_there(path)) return false;
  // A hard link is the one way to give a finished file a name only if the name is free.
  const Removed finished{path.parent_path() / fmt::format(".{}.{}.new", ::getpid(), counter.fetch_add(1))};
  write_file_atomically(finished.path, bytes);
  if (::link(finished.path.c_str(), path.c_str()) == 0) return true;
  const int refusal = errno;
  if (is_there(path)) return false;
  const bool has_no_links = refusal == EPERM || refusal == EOPNOTSUPP || refusal == ENOSYS;
  if (!has_no_links && refusal != EEXIST)
    throw IoError("[file] cannot write {}: {}", path.string(), std::strerror(refusal));
  write_file_atomically(path, bytes);
  return true;
}

}  // namespace primal
