// A disk that is soon full: a tmpfs of so many kilobytes, where this process may mount one.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

namespace primal::testing {

class SmallDisk {
 public:
  SmallDisk(std::string path, int kilobytes) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    mounted_ = shell("mount -t tmpfs -o size=" + std::to_string(kilobytes) + "k tmpfs '" + path_ + "'");
  }
  ~SmallDisk() {
    if (mounted_) shell("umount '" + path_ + "'");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  bool remount(const std::string& how) const { return shell("mount -o remount," + how + " '" + path_ + "'"); }

 private:
  static bool shell(const std::string& command) {
    return std::system((command + " 2> /dev/null").c_str()) == 0;
  }

  std::string path_;
  bool mounted_;
};

}  // namespace primal::testing
