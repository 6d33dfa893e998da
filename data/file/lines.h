// A text file line by line, as the logs of a run are read: only lines that end in a newline, for one
// without is still being written or was cut by a kill, and none longer than a log's lines can be, so that
// no file makes memory grow.
//
// Errors: IoError for a file that cannot be read; DataError with the number of a line that is too long.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace primal {

class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path, size_t max_line_bytes = size_t{1} << 16);

  // The next line without its newline; false at the end.
  bool next(std::string& line);

  int64_t number() const { return number_; }  // of the line that next() gave, from 1
  const std::string& name() const { return name_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string name_;
  size_t max_line_bytes_;
  std::unique_ptr<std::FILE, Close> file_;
  int64_t number_ = 0;
};

}  // namespace primal
