// The pictures of a batch that could not be read or computed with. Each failure is reported as it happens,
// the other pictures go on, and at the end the command fails.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/shell/streams.h"
#include "tensor/error.h"

namespace primal {

class Failures {
 public:
  explicit Failures(size_t n_pictures) : n_pictures_(n_pictures) {}

  void add(const std::string& picture, const Error& error) { add(picture, std::string(error.what())); }
  void add(const std::string& picture, const std::string& problem) {
    if (n_pictures_ > 1) say("primal: {}\n", problem);
    list_.push_back({picture, problem});
  }

  // [{"picture": NAME, "error": TEXT}, ...]
  nlohmann::json json() const;

  // DataError where any was added: their number, or what the only picture's was.
  void finish(const char* command) const {
    if (list_.empty()) return;
    if (n_pictures_ == 1) throw DataError("{}", list_.front().problem);
    throw DataError("[{}] {} of {} pictures could not be processed", command, list_.size(), n_pictures_);
  }

 private:
  struct Failure {
    std::string picture, problem;
  };

  size_t n_pictures_;
  std::vector<Failure> list_;
};

}  // namespace primal
