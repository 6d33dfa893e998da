// Fibers: functions with a stack of their own that suspend in the middle and are continued later, all on one
// thread of the operating system. The emulation runs each thread of a CUDA block that has to wait as one.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace primal::simt {

class Fiber {
 public:
  // The stack belongs to the caller and must outlive the fiber.
  Fiber(std::byte* stack, size_t bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs body until it suspends or returns; true when it has returned. What it throws is thrown here.
  bool start(const std::function<void()>& body);
  // Continues a suspended fiber, until it suspends again or returns; true when it has returned.
  bool resume();
  // Ends a suspended fiber: its suspend() throws, so that its stack is unwound.
  void abandon();

  bool suspended() const { return !finished_; }

  // Within a fiber: back to whoever started or resumed it.
  void suspend();

 private:
  struct Abandoned {};

  [[noreturn]] static void entry();
  [[noreturn]] void loop();
  void enter();
  void leave();

  std::byte* stack_;
  size_t bytes_;
  void* stack_pointer_ = nullptr;  // of the fiber while it does not run
  void* resumer_ = nullptr;        // stack pointer of whoever runs it
  const std::function<void()>* body_ = nullptr;
  std::exception_ptr error_;
  bool finished_ = true, abandoned_ = false, quit_ = false;

  // What the sanitizers want to know.
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] const void* resumer_stack_ = nullptr;
  [[maybe_unused]] size_t resumer_bytes_ = 0;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
  [[maybe_unused]] void* tsan_resumer_ = nullptr;
};

// Fibers that are used again and again. Their stacks are cut from slabs of 64, because a mapping for
// each would meet Linux's limit on mappings (vm.max_map_count, 65530) in a large cooperative grid. A
// stack that overflows is reported (CheckFailed) when its fiber next comes back: its last word no longer
// holds what was put there.
class FiberPool {
 public:
  FiberPool() = default;
  ~FiberPool() { release(); }
  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;

  // It outlives launches: the system would take longer to map and clear new stacks than most launches take.
  static FiberPool& of_this_thread();

  Fiber* take();
  void give_back(Fiber* fiber) { idle_.push_back(fiber); }
  // Keeps the fibers of a block; those of a large cooperative grid go.
  void trim();

 private:
  Fiber* add();
  void release();

  std::vector<std::byte*> slabs_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
};

}  // namespace primal::simt
