// The errors of Primal: one class per exit code of the program, all derived from primal::Error.
//
//   ConfigError  2  usage or configuration        NumericError 5  not a number, not finite
//   DataError    3  contents of a file            CheckFailed  6  a check ran and did not pass
//   IoError      3  the file itself                ShapeError   1  a wrong call: shapes, types, devices
//   DeviceError  4  device or memory
//
// A message says: [where] the broken fact: every value needed to repair it.
#pragma once

#include <fmt/core.h>
#include <stdexcept>
#include <string>
#include <utility>

namespace primal {

class Error : public std::runtime_error {
 public:
  Error(const std::string& message, int exit_code) : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

// Each takes a format string and its values: throw DataError("[png] {} is empty", path).
#define PRIMAL_DEFINE_ERROR(Name, code)                                        \
  class Name : public Error {                                                  \
   public:                                                                     \
    template <class... Values>                                                 \
    explicit Name(fmt::format_string<Values...> format, Values&&... values)    \
        : Error(fmt::format(format, std::forward<Values>(values)...), code) {} \
  }

PRIMAL_DEFINE_ERROR(ShapeError, 1);
PRIMAL_DEFINE_ERROR(ConfigError, 2);
PRIMAL_DEFINE_ERROR(DataError, 3);
PRIMAL_DEFINE_ERROR(IoError, 3);
PRIMAL_DEFINE_ERROR(DeviceError, 4);
PRIMAL_DEFINE_ERROR(NumericError, 5);
PRIMAL_DEFINE_ERROR(CheckFailed, 6);
#undef PRIMAL_DEFINE_ERROR

}  // namespace primal
