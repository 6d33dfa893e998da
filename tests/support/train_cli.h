// What the tests of `primal train` share: a training that takes milliseconds, and the rows it leaves.
#pragma once

#include <sstream>
#include <vector>

#include "support/cli.h"

namespace primal::testing {

// A variable of the environment while it lives.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~EnvironmentVariable() { ::unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
};

class TrainCli : public Cli {
 protected:
  // 413 parameters, 5 phantoms of 16 x 16, T = 4; validation every 5 steps.
  static constexpr const char* kTiny =
      " --set data.size=16 --set model.filters=2 --set model.blocks=1 --set model.iterations=4"
      " --set data.n_train=5 --set data.n_validation=1 --set training.learning_rate=1e-3";

  Outcome train(const std::string& arguments) const { return run("train " + arguments); }

  // Column `name` of metrics.csv, as text.
  std::vector<std::string> column(const std::string& folder, const std::string& name) const {
    std::istringstream lines(text_of(folder_ / (folder + "/metrics.csv")));
    std::string line;
    std::getline(lines, line);
    const std::vector<std::string> header = cells(line);
    size_t c = 0;
    while (c < header.size() && header[c] != name) ++c;
    std::vector<std::string> values;
    while (std::getline(lines, line)) values.push_back(cells(line).at(c));
    return values;
  }

  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }

 private:
  static std::vector<std::string> cells(const std::string& line) {
    std::vector<std::string> all(1);
    for (const char c : line) {
      if (c == ',')
        all.emplace_back();
      else
        all.back() += c;
    }
    return all;
  }
};

}  // namespace primal::testing
