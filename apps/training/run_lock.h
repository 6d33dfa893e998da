// RunLock: one training at a time in a folder. The lock is the kernel's (flock on FOLDER/.lock), so it goes
// with the process, however that ends; the file stays and means nothing by itself. It holds the number of the
// process that has the lock.
#pragma once

#include <filesystem>

namespace primal {

class RunLock {
 public:
  // ConfigError naming folder and process when another holds it. The folder must exist.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  bool held() const { return held_; }  // not on a file system that has no locks

 private:
  int descriptor_;
  bool held_ = false;
};

}  // namespace primal
