#include "tensor/simt/simt_emulation.h"

#include <algorithm>
#include <exception>
#include <fmt/core.h>
#include <mutex>

#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/simt/residents.h"

namespace primal::simt {
namespace {

// Limits of compute capability 8.0 and 9.0 alike.
constexpr int64_t kMaxThreads = 1024, kMaxBlockZ = 64, kMaxGridX = (int64_t{1} << 31) - 1, kMaxGridYZ = 65535;
constexpr size_t kMaxStaticShared = 48 << 10;
constexpr size_t kMaxShared = 163 << 10;  // 8.0; 227 KB on 9.0

void check(const Launch& at) {
  const dim3 &g = at.grid, &b = at.block;
  const int64_t threads = int64_t{b.x} * b.y * b.z;
  if (threads < 1 || threads > kMaxThreads || b.z > kMaxBlockZ) {
    throw DeviceError("[{}] a block of {}x{}x{} threads: it must have 1 to {} threads, at most {} along z",
                      at.name, b.x, b.y, b.z, kMaxThreads, kMaxBlockZ);
  }
  if (g.x < 1 || g.y < 1 || g.z < 1 || g.x > kMaxGridX || g.y > kMaxGridYZ || g.z > kMaxGridYZ) {
    throw DeviceError("[{}] a grid of {}x{}x{} blocks: it must have at least one, and at most {} x {} x {}",
                      at.name, g.x, g.y, g.z, kMaxGridX, kMaxGridYZ, kMaxGridYZ);
  }
  if (at.shared_bytes > kMaxShared) {
    throw DeviceError("[{}] {} bytes of dynamic shared memory: at most {}", at.name, at.shared_bytes,
                      kMaxShared);
  }
}

Thread& this_thread(const char* what) {
  if (running.thread == nullptr) throw CheckFailed("[simt] {} outside a kernel", what);
  return *running.thread;
}

void wait(Thread& thread, Thread::State state, Where where) {
  thread.state = state;
  thread.where = where;
  thread.fiber->suspend();
}

int number_in_block(const Thread& thread) {
  return static_cast<int>(&thread - running.block->threads.data());
}

// ", at conv3d_cuda.cu:52", or nothing.
std::string at_str(Where where) {
  const std::string text = where_str(where);
  return text.empty() ? text : ", at " + text;
}

const char* poisoned_str(Poisoned state) {
  return state == Poisoned::never_written ? "is read, but nothing has written it"
                                          : "was computed from memory that nothing has written";
}

bool is_recorded() { return running.thread != nullptr && running.residents->recorder != nullptr; }

void record(const AccessAt& at) {
  running.residents->recorder->access(*running.block->trace, number_in_block(*running.thread), at);
}

// What each lane of a complete warp operation gets.
void finish(Thread* warp, unsigned mask) {
  uint64_t ballot = 0;
  for (int lane = 0; lane < warpSize; ++lane) {
    if (mask >> lane & 1U && warp[lane].value != 0) ballot |= uint64_t{1} << lane;
  }
  for (int lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1U)) continue;
    Thread& thread = warp[lane];
    if (thread.op == Thread::WarpOp::ballot) thread.result = ballot;
    if (thread.op == Thread::WarpOp::exchange)
      thread.result = mask >> thread.source & 1U ? warp[thread.source].value : thread.poison;
    thread.state = Thread::State::ready;
  }
  // Exchanges and votes order no memory: CUDA says so.
  if (RecordedLaunch* recorder = running.residents->recorder;
      recorder != nullptr && running.thread->op == Thread::WarpOp::sync)
    recorder->warp_barrier(*running.block->trace, number_in_block(*warp), mask);
}

// The lanes of the mask meet; the last to come does the work.
uint64_t meet(Thread::WarpOp op, unsigned mask, uint64_t value, int source, uint64_t poison, Where where) {
  Thread& self = this_thread("a warp operation");
  const int number = number_in_block(self), lane = number % warpSize;
  if (!(mask >> lane & 1U)) {
    throw CheckFailed("{} lane {} calls a warp operation with the mask {:#010x}, which leaves it out, {}",
                      running_str(), lane, mask, where_str(where));
  }
  if (RecordedLaunch* recorder = running.residents->recorder; recorder != nullptr)
    recorder->warp_operation(*running.block->trace, number, where);
  self.op = op;
  self.mask = mask;
  self.value = value;
  self.source = source;
  self.poison = poison;
  self.state = Thread::State::at_warp;
  self.where = where;

  Thread* warp = &self - lane;
  const int lanes =
      std::min<int>(warpSize, static_cast<int>(running.block->threads.size()) - (number - lane));
  bool complete = lanes == warpSize || mask >> lanes == 0;
  for (int i = 0; i < lanes && complete; ++i) {
    const Thread& other = warp[i];
    if (mask >> i & 1U)
      complete = other.state == Thread::State::at_warp && other.op == op && other.mask == mask;
  }
  if (complete)
    finish(warp, mask);
  else
    self.fiber->suspend();
  return self.result;
}

// Recorded launches come one by one. False where the recording has ended meanwhile.
template <class NthBlock>
bool run_recorded(const Launch& at, const Schedule& schedule, const std::function<void()>& thread,
                  int64_t n_blocks, const NthBlock& nth_block) {
  static std::mutex one_by_one;
  const std::lock_guard lock(one_by_one);
  Recording* const recording = Recording::active();
  if (recording == nullptr) return false;
  RecordedLaunch recorder(*recording, at);
  Residents residents(at, schedule, thread, &recorder);
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < n_blocks; ++i) {
    numbers.push_back(nth_block(i));
    if (at.cooperative && i + 1 < n_blocks) continue;
    residents.run(numbers);
    numbers.clear();
  }
  recorder.finish();
  return true;
}

}  // namespace

void run_grid(const Exec& exec, const Launch& at, const std::function<void()>& thread) {
  check(at);
  const Schedule schedule = current_schedule();
  const int64_t n_blocks = int64_t{at.grid.x} * at.grid.y * at.grid.z;
  const auto nth_block = [&](int64_t i) {
    return schedule.order == Schedule::Order::reverse ? n_blocks - 1 - i : i;
  };
  if (is_recording() && run_recorded(at, schedule, thread, n_blocks, nth_block)) return;
  if (at.cooperative) {
    std::vector<int64_t> numbers(static_cast<size_t>(n_blocks));
    for (int64_t i = 0; i < n_blocks; ++i) numbers[static_cast<size_t>(i)] = nth_block(i);
    Residents(at, schedule, thread, nullptr).run(numbers);
    return;
  }
  // One exception per chunk, so that which one is reported does not depend on who comes first.
  const int64_t grain = std::max<int64_t>(1, n_blocks / 64), n_chunks = (n_blocks + grain - 1) / grain;
  std::vector<std::exception_ptr> errors(static_cast<size_t>(n_chunks));
  parallel_for(exec, n_blocks, grain, [&](int64_t begin, int64_t end) {
    try {
      Residents residents(at, schedule, thread, nullptr);
      for (int64_t i = begin; i < end; ++i) residents.run({nth_block(i)});
    } catch (...) {
      errors[static_cast<size_t>(begin / grain)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

void __syncthreads(Where where) { wait(this_thread("__syncthreads"), Thread::State::at_barrier, where); }

void grid_sync(Where where) {
  Thread& thread = this_thread("grid_sync");
  if (!running.residents->launch.cooperative) {
    throw CheckFailed("{} grid_sync in a launch that is not cooperative, {}: not all blocks are there",
                      running_str(), where_str(where));
  }
  wait(thread, Thread::State::at_grid_barrier, where);
}

void __syncwarp(unsigned mask, Where where) { meet(Thread::WarpOp::sync, mask, 0, 0, 0, where); }

uint64_t exchange(unsigned mask, uint64_t value, int source, uint64_t poison_bits, Where where) {
  return meet(Thread::WarpOp::exchange, mask, value, source, poison_bits, where);
}

unsigned __ballot_sync(unsigned mask, int predicate, Where where) {
  return static_cast<unsigned>(meet(Thread::WarpOp::ballot, mask, predicate != 0, 0, 0, where));
}

int lane_id() { return number_in_block(this_thread("a warp operation")) % warpSize; }

SharedMemory shared_variable(const void* key, const SharedType& type, void (*fill)(void*, size_t)) {
  this_thread("shared memory");
  const bool recorded = running.residents->recorder != nullptr;
  std::vector<SharedVariable>& shared = running.block->shared;
  size_t total = type.bytes;
  for (const SharedVariable& variable : shared) {
    if (variable.key == key) return {variable.data.get(), type.bytes, recorded};
    total += variable.type.bytes;
  }
  if (total > kMaxStaticShared) {
    throw CheckFailed(
        "{} {} bytes of static shared memory: at most {}; ask for more as .shared_bytes of the launch",
        running_str(), total, kMaxStaticShared);
  }
  shared.push_back({key, type, std::unique_ptr<unsigned char[]>(new unsigned char[type.bytes])});
  fill(shared.back().data.get(), type.bytes);
  return {shared.back().data.get(), type.bytes, recorded};
}

SharedMemory dynamic_shared_memory() {
  this_thread("shared memory");
  if (!running.block->dynamic_shared) {
    throw CheckFailed("{} dynamic shared memory, but the launch has .shared_bytes = 0", running_str());
  }
  return {running.block->dynamic_shared.get(), running.residents->launch.shared_bytes,
          running.residents->recorder != nullptr};
}

SharedMemory shared_memory_at(const void* address) {
  this_thread("shared memory");
  const auto* at = static_cast<const unsigned char*>(address);
  for (const SharedVariable& variable : running.block->shared) {
    if (at >= variable.data.get() && at <= variable.data.get() + variable.type.bytes)
      return {variable.data.get(), variable.type.bytes, running.residents->recorder != nullptr};
  }
  return dynamic_shared_memory();
}

void slow_access(Memory memory, const void* buffer, int64_t size, int64_t element, size_t element_bytes,
                 Access access, Where where) {
  if (element < 0 || element >= size) {
    const char* verb = access == Access::read ? "reads" : access == Access::write ? "writes" : "updates";
    throw CheckFailed("{} {} element {} of {} of {}{}", running_str(), verb, element,
                      memory == Memory::shared ? "shared memory" : "a buffer", size, at_str(where));
  }
  if (!is_recorded()) return;
  const void* address =
      static_cast<const unsigned char*>(buffer) + element * static_cast<int64_t>(element_bytes);
  record({memory, access, address, element_bytes, element, size, __builtin_return_address(0), where});
}

void slow_shared_access(const void* address, size_t bytes, Access access, Where where) {
  if (is_recorded())
    record({Memory::shared, access, address, bytes, 0, 0, __builtin_return_address(0), where});
}

void report_out_of_extent(const void* array, size_t rank, int64_t index, int64_t extent, Where where) {
  throw CheckFailed("{} index {} is beyond the extent {} of {}{}", running_str(), index, extent,
                    shared_str(array, rank), at_str(where));
}

void report_unwritten(Memory memory, const void* buffer, int64_t size, int64_t element, Poisoned state,
                      Where where) {
  (void)buffer;
  throw CheckFailed("{} {} {}{}", running_str(),
                    memory == Memory::shared ? fmt::format("element {} of shared memory of {}", element, size)
                                             : buffer_str(element, size),
                    poisoned_str(state), at_str(where));
}

void report_unwritten_shared(const void* address, Poisoned state, Where where) {
  throw CheckFailed("{} {} {}{}", running_str(), shared_str(address), poisoned_str(state), at_str(where));
}

}  // namespace primal::simt
