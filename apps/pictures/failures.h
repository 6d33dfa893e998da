// The pictures of a batch that could not be read: each is said as it happens, the others go on, and at the end the command fails.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/streams.h"
#include "tensor/error.h"

namespace primal {

class Failures {
 public:
  explicit Failures(size_t n_pictures) : n_pictures_(n_pictures) {}

  void add(const std::string& picture, const Error& error) {
    if (n_pictures_ > 1) say("primal: {}\n", error.what());
    list_.push_back({{"picture", picture}, {"error", error.what()}});
  }

  const nlohmann::json& json() const { return list_; }

  // DataError where any was added: their number, or what the only picture's was.
  void finish(const char* command) const {
    if (list_.empty()) return;
    if (n_pictures_ == 1) throw DataError("{}", list_.at(0).at("error").get<std::string>());
    throw DataError("[{}] {} of {} pictures could not be read", command, list_.size(), n_pictures_);
  }

 private:
  size_t n_pictures_;
  nlohmann::json list_ = nlohmann::json::array();
};

}  // namespace primal
