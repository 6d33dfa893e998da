// What there is to say about a picture while it is worked on, on stderr: at once, or kept until it is the picture's turn, so that
// pictures worked on side by side are spoken of in their order.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "apps/shell/streams.h"

namespace primal {

struct Remark {
  // Of all but `always` only the first is printed of a run. `outside`: the noise is not what the model was trained for; `far`: the
  // result is far from convergence.
  enum class Kind { always, grey, alpha, profile, gamma, range, outside, far };
  Kind kind = Kind::always;
  std::string text;  // lines, made visible
};

// Prints remarks, of each kind the first.
class RemarkPrinter {
 public:
  explicit RemarkPrinter(bool quiet) : quiet_(quiet) {}

  void print(const Remark& remark);
  // Called before anything is printed, for whoever has drawn a line there that is in the way.
  void before_printing(std::function<void()> make_room) { make_room_ = std::move(make_room); }
  // How many there were of a kind, printed or not.
  size_t count(Remark::Kind kind) const { return counts_[static_cast<size_t>(kind)]; }

 private:
  bool quiet_;
  std::function<void()> make_room_;
  std::array<size_t, 8> counts_{};
};

// Those of one picture. Its `outside` counts once, however many channels and pages say it.
class Remarks {
 public:
  // With a printer each is printed as it comes up.
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
  // Those that were kept.
  void print_to(RemarkPrinter& printer) const;

 private:
  void put(Remark remark);

  RemarkPrinter* printer_;
  std::vector<Remark> kept_;
  bool is_outside_ = false;
};

}  // namespace primal
