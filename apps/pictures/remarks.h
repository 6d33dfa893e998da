// Messages on stderr about a picture that is being denoised. They are printed at once, or kept until
// it is the picture's turn, so that messages about pictures that are denoised side by side appear in
// the order of the pictures.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "apps/shell/streams.h"

namespace primal {

struct Remark {
  // In a run only the first message of each kind is printed, except `always`. `outside`: the noise is not
  // what the model was trained for; `far`: the result is far from convergence.
  enum class Kind { always, grey, alpha, profile, gamma, description, range, outside, far };
  Kind kind = Kind::always;
  std::string text;  // lines; control characters are already escaped
};

// Prints the first remark of each kind, and all of kind `always`.
class RemarkPrinter {
 public:
  explicit RemarkPrinter(bool quiet) : quiet_(quiet) {}

  void print(const Remark& remark);
  // `make_room` is called before anything is printed, for example to remove a progress line.
  void before_printing(std::function<void()> make_room) { make_room_ = std::move(make_room); }
  // The number of remarks of a kind, printed or not.
  size_t count(Remark::Kind kind) const { return counts_[static_cast<size_t>(kind)]; }

 private:
  bool quiet_;
  std::function<void()> make_room_;
  std::array<size_t, 9> counts_{};
};

// The remarks about one picture. `outside` counts once for a picture, whatever its number of channels and
// pages.
class Remarks {
 public:
  // With a printer each remark is printed at once.
  explicit Remarks(RemarkPrinter* printer = nullptr) : printer_(printer) {}

  template <class... Args>
  void add(Remark::Kind kind, fmt::format_string<Shown<Args>...> format, Args&&... args) {
    put({kind, fmt::format(format, shown(std::forward<Args>(args))...)});
  }
  template <class... Args>
  void add(fmt::format_string<Shown<Args>...> format, Args&&... args) {
    put({Remark::Kind::always, fmt::format(format, shown(std::forward<Args>(args))...)});
  }
  bool printed_at_once() const { return printer_ != nullptr; }
  // Prints the remarks that were kept.
  void print_to(RemarkPrinter& printer) const;

 private:
  void put(Remark remark);

  RemarkPrinter* printer_;
  std::vector<Remark> kept_;
  bool is_outside_ = false;
};

}  // namespace primal
