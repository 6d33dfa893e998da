// The program itself, from outside: what it prints, writes and returns. Tests that include this need
// PRIMAL_PROGRAM, its file (primal_cli_test in tests/apps/CMakeLists.txt sets it).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "data/image/image.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "support/temporary_folder.h"

namespace primal::testing {

struct Outcome {
  int exit_code;
  std::string out;  // stdout
  std::string err;  // stderr
};

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A folder of its own for each test, and the program run in the repository's root.
class Cli : public ::testing::Test {
 protected:
  // `arguments` as a shell reads them. An exit code of -1: ended by a signal.
  Outcome run(const std::string& arguments) const {
    const std::filesystem::path out = folder_ / "out.txt", err = folder_ / "err.txt";
    const std::string command =
        prefix_ + PRIMAL_PROGRAM + " " + arguments + " > '" + out.string() + "' 2> '" + err.string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(out), text_of(err)};
  }

  // From here on the program obeys the permissions of files, as it does for everyone but root. False where
  // root cannot lay down what it is allowed beyond them.
  bool obey_permissions() {
    if (::geteuid() != 0) return true;
    const std::string without =
        "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search ";
    if (std::system((without + "true 2> /dev/null").c_str()) != 0) return false;
    prefix_ = without;
    return true;
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write_phantom(const std::string& name, uint32_t index, int bit_depth = 8, int64_t size = 40) const {
    write_png(folder_ / name, to_image(make_phantom(1, index, size), bit_depth));
  }

  const TemporaryFolder folder_;

 private:
  std::string prefix_;
};

}  // namespace primal::testing
