#include "data/file/lines.h"

#include <cerrno>
#include <cstring>

#include "tensor/error.h"

namespace primal {

LineReader::LineReader(const std::filesystem::path& path, size_t max_line_bytes)
    : name_(path.string()), max_line_bytes_(max_line_bytes), file_(std::fopen(path.c_str(), "rbe")) {
  if (!file_) throw IoError("[file] cannot open {}: {}", name_, std::strerror(errno));
}

bool LineReader::next(std::string& line) {
  line.clear();
  ++number_;
  for (;;) {
    const int c = std::getc(file_.get());
    if (c == '\n') return true;
    if (c == EOF) {
      if (std::ferror(file_.get()) != 0)
        throw IoError("[file] cannot read {}: {}", name_, std::strerror(errno));
      return false;
    }
    if (line.size() == max_line_bytes_)
      throw DataError("[file] {}:{}: a line of more than {} bytes", name_, number_, max_line_bytes_);
    line += static_cast<char>(c);
  }
}

}  // namespace primal
