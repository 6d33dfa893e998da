// Shadow memory: who used each word of memory last, and whether that was ordered before who uses it now. For
// each 4 bytes there are four slots, each for one access: an access that a later one stands for (the same
// thread or one ordered after it, writing where it wrote or reading where it read) gives up its slot, and
// when all four are taken, one of its kind does, in turn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "tensor/simt/pointer.h"

namespace primal::simt {

// Who accessed a word, when and how.
struct Mark {
  uint32_t block = 0;
  uint32_t epoch = 0;  // barriers that the block had passed
  uint32_t clock = 0;  // of the lane: warp barriers that it had passed
  uint16_t site = 0;   // the place in the kernel
  uint16_t thread : 10 = 0;
  uint16_t bytes : 4 = 0;  // of the word, one bit each; none in an empty slot
  uint16_t access : 2 = 0;

  bool empty() const { return bytes == 0; }
  bool same_thread(const Mark& other) const { return block == other.block && thread == other.thread; }
};
static_assert(sizeof(Mark) == 16);

class Shadow {
 public:
  // Enters `now` for one word. `ordered(mark)`: whether that access comes before this one in every run.
  // `race(mark)` is called for those that do not and conflict.
  template <class Ordered, class OnRace>
  void enter(uintptr_t word, const Mark& now, const Ordered& ordered, const OnRace& on_race) {
    Cell& cell = at(word);
    Mark* free = nullptr;
    for (Mark& mark : cell.marks) {
      if (mark.empty()) {
        if (free == nullptr) free = &mark;
        continue;
      }
      const bool before = mark.same_thread(now) || ordered(mark);
      if (!before && (mark.bytes & now.bytes) != 0 && conflict(mark.access, now.access)) on_race(mark);
      if (before && (mark.bytes & ~now.bytes) == 0 && stands_for(now.access, mark.access)) {
        mark = Mark{};
        free = &mark;
      }
    }
    *(free != nullptr ? free : &evict(cell, now)) = now;
  }

 private:
  struct Cell {
    std::array<Mark, 4> marks;
  };
  static constexpr size_t kWords = 256;  // of a page
  struct Page {
    std::array<Cell, kWords> cells;
  };

  static bool conflict(unsigned a, unsigned b) {
    constexpr auto read = static_cast<unsigned>(Access::read), update = static_cast<unsigned>(Access::update);
    return !(a == read && b == read) && !(a == update && b == update);
  }
  // Whatever conflicts with `past` conflicts with `now`.
  static bool stands_for(unsigned now, unsigned past) {
    return now == past || now == static_cast<unsigned>(Access::write);
  }

  Mark& evict(Cell& cell, const Mark& now);
  Cell& at(uintptr_t word) {
    const uintptr_t number = word / kWords;
    Recent& recent = recent_[number % recent_.size()];
    if (recent.page == nullptr || recent.number != number) recent = {number, find(number)};
    return recent.page->cells[word % kWords];
  }
  Page* find(uintptr_t number);

  struct Recent {
    uintptr_t number = 0;
    Page* page = nullptr;
  };
  std::array<Recent, 64> recent_{};
  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages_;
  size_t turn_ = 0;
};

}  // namespace primal::simt
