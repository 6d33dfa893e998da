#include "tensor/simt/fiber.h"

#include <cstdint>
#include <cstring>
#include <sys/mman.h>
#include <utility>

#include "tensor/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define PRIMAL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PRIMAL_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define PRIMAL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PRIMAL_TSAN 1
#endif
#endif
#ifdef PRIMAL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef PRIMAL_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// void primal_simt_switch(void** save, void* load): keeps the registers a function must preserve on this
// stack, stores the stack pointer in *save, and takes up the stack `load`, which an earlier call has
// left (or Fiber's constructor has prepared). Rounding mode and signal mask are not switched: kernels
// change neither, and a system call for each switch, as swapcontext makes, would cost more than most
// kernels do between two barriers.
extern "C" void primal_simt_switch(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.text
.hidden primal_simt_switch
.globl primal_simt_switch
.type primal_simt_switch, @function
primal_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size primal_simt_switch, .-primal_simt_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.hidden primal_simt_switch
.globl primal_simt_switch
.type primal_simt_switch, %function
primal_simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size primal_simt_switch, .-primal_simt_switch
)");
#else
#error "tensor/simt/fiber.cpp knows x86-64 and AArch64: add the switch of the stack for this processor"
#endif

namespace primal::simt {
namespace {

#if defined(PRIMAL_ASAN) || defined(PRIMAL_TSAN) || !defined(NDEBUG)
constexpr size_t kStackBytes = 256 << 10;  // frames are several times larger without optimisation
#else
constexpr size_t kStackBytes = 64 << 10;
#endif
constexpr size_t kFibersPerSlab = 64, kKeptFibers = 1024;
constexpr uint64_t kLastWord = 0x5AFE57ACB07703DULL;  // where each stack should end
// Below that word, so that an overflow is seen before it meets a neighbour.
constexpr size_t kReserve = 16 << 10;

thread_local Fiber* entering = nullptr;  // the fiber whose entry() runs for the first time

// What primal_simt_switch finds on a stack that has not run yet; nothing but zeros and the address of
// entry().
void* prepared(std::byte* stack, size_t bytes, void (*entry)()) {
  auto* top = reinterpret_cast<uint64_t*>(stack + bytes);
#if defined(__x86_64__)
  // From the stack pointer up: r15 r14 r13 r12 rbx rbp, the address that `ret` takes, and a return address of
  // zero, which ends backtraces and puts the stack pointer where a call would have left it.
  uint64_t* frame = top - 8;
  std::memset(frame, 0, 8 * sizeof(uint64_t));
  frame[6] = reinterpret_cast<uint64_t>(entry);
#else
  uint64_t* frame = top - 20;  // x19 .. x28, x29 = 0, x30, d8 .. d15
  std::memset(frame, 0, 20 * sizeof(uint64_t));
  frame[11] = reinterpret_cast<uint64_t>(entry);
#endif
  return frame;
}

}  // namespace

Fiber::Fiber(std::byte* stack, size_t bytes) : stack_(stack), bytes_(bytes) {
  std::memcpy(stack_ + kReserve, &kLastWord, sizeof kLastWord);
  stack_pointer_ = prepared(stack_, bytes_, &Fiber::entry);
#ifdef PRIMAL_TSAN
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

// AddressSanitizer keeps a second stack for each fiber; it is freed by a last switch that says so.
Fiber::~Fiber() {
  if (suspended()) abandon();
  quit_ = true;
#ifdef PRIMAL_ASAN
  enter();
#endif
#ifdef PRIMAL_TSAN
  __tsan_destroy_fiber(tsan_fiber_);
#endif
}

bool Fiber::start(const std::function<void()>& body) {
  body_ = &body;
  finished_ = false;
  return resume();
}

bool Fiber::resume() {
  enter();
  uint64_t last = 0;
  std::memcpy(&last, stack_ + kReserve, sizeof last);
  if (last != kLastWord) {
    std::memcpy(stack_ + kReserve, &kLastWord, sizeof kLastWord);
    throw CheckFailed(
        "[simt] a thread of a kernel used more than the {} bytes of stack it has: keep large arrays in "
        "shared memory",
        bytes_ - kReserve);
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  return finished_;
}

void Fiber::abandon() {
  abandoned_ = true;
  while (suspended()) enter();
  abandoned_ = false;
  error_ = nullptr;
}

void Fiber::suspend() {
  leave();
  if (abandoned_) throw Abandoned{};
}

void Fiber::enter() {
  entering = this;
#ifdef PRIMAL_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack_, bytes_);
#endif
#ifdef PRIMAL_TSAN
  tsan_resumer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_fiber_, 0);
#endif
  primal_simt_switch(&resumer_, stack_pointer_);
#ifdef PRIMAL_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void Fiber::leave() {
#ifdef PRIMAL_ASAN
  __sanitizer_start_switch_fiber(quit_ ? nullptr : &fake_stack_, resumer_stack_, resumer_bytes_);
#endif
#ifdef PRIMAL_TSAN
  __tsan_switch_to_fiber(tsan_resumer_, 0);
#endif
  primal_simt_switch(&stack_pointer_, resumer_);
#ifdef PRIMAL_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &resumer_stack_, &resumer_bytes_);
#endif
}

void Fiber::entry() {
  Fiber* self = entering;
#ifdef PRIMAL_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &self->resumer_stack_, &self->resumer_bytes_);
#endif
  self->loop();
}

// A fiber outlives the bodies it runs, one after the other.
void Fiber::loop() {
  for (;;) {
    if (!quit_) {
      try {
        (*body_)();
      } catch (const Abandoned&) {
      } catch (...) {
        error_ = std::current_exception();
      }
    }
    finished_ = true;
    leave();
  }
}

FiberPool& FiberPool::of_this_thread() {
  thread_local FiberPool pool;
  return pool;
}

void FiberPool::trim() {
  const bool all_idle = idle_.size() == fibers_.size();  // or a kernel that runs launched this one
  if (all_idle && fibers_.size() > kKeptFibers) release();
}

void FiberPool::release() {
  idle_.clear();
  fibers_.clear();
  for (std::byte* slab : slabs_) {
#ifdef PRIMAL_ASAN
    __asan_unpoison_memory_region(slab, kFibersPerSlab * kStackBytes);  // whoever gets these addresses next
#endif
    munmap(slab, kFibersPerSlab * kStackBytes);
  }
  slabs_.clear();
}

Fiber* FiberPool::take() {
  if (idle_.empty()) return add();
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

Fiber* FiberPool::add() {
  const size_t in_slab = fibers_.size() % kFibersPerSlab;
  if (in_slab == 0) {
    // Pages that no thread touches cost nothing.
    void* slab = mmap(nullptr, kFibersPerSlab * kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slab == MAP_FAILED) {
      throw DeviceError("[simt] no memory for the stacks of {} more threads; {} are there", kFibersPerSlab,
                        fibers_.size());
    }
    slabs_.push_back(static_cast<std::byte*>(slab));
  }
  fibers_.push_back(std::make_unique<Fiber>(slabs_.back() + in_slab * kStackBytes, kStackBytes));
  return fibers_.back().get();
}

}  // namespace primal::simt
