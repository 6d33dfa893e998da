#include "tensor/simt/simt_emulation.h"

#include <algorithm>
#include <exception>
#include <fmt/core.h>
#include <mutex>

#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/rehearsal.h"
#include "tensor/simt/launch_list.h"
#include "tensor/simt/residents.h"
#include "tensor/simt/tensor_core.h"

namespace primal::simt {
namespace {

// Limits of compute capability 9.0; those of 8.0 are the same unless stated otherwise. If a kernel needs more
// than 8.0 has, the device's limits are asked for before that kernel is chosen.
constexpr int64_t kMaxThreads = 1024, kMaxBlockZ = 64, kMaxGridX = (int64_t{1} << 31) - 1, kMaxGridYZ = 65535;
constexpr unsigned kMaxCluster =
    16;  // of 9.0; more than 8 where the device has room (cudaOccupancyMaxActiveClusters)
constexpr size_t kMaxShared = 227 << 10;  // of 9.0; 163 KB on 8.0

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
  const dim3& c = at.cluster;
  if (c.x < 1 || c.y < 1 || c.z < 1 || uint64_t{c.x} * c.y * c.z > kMaxCluster || g.x % c.x != 0 ||
      g.y % c.y != 0 || g.z % c.z != 0) {
    throw DeviceError(
        "[{}] clusters of {}x{}x{} blocks in a grid of {}x{}x{}: they must have 1 to {}, and fill the grid",
        at.name, c.x, c.y, c.z, g.x, g.y, g.z, kMaxCluster);
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

// ", at conv3d_direct.cu:52", or nothing.
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

void multiply(Thread* warp) {
  const Fragments* lanes[warpSize];
  for (int lane = 0; lane < warpSize; ++lane)
    lanes[lane] = reinterpret_cast<const Fragments*>(static_cast<uintptr_t>(warp[lane].value));
  multiply_fragments(lanes);
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
  if (running.thread->op == Thread::WarpOp::product) multiply(warp);
  RecordedLaunch* recorder = running.residents->recorder;
  if (recorder == nullptr) return;
  // Exchanges, votes and products order no memory: CUDA says so.
  if (running.thread->op == Thread::WarpOp::sync)
    recorder->warp_barrier(*running.block->trace, number_in_block(*warp), mask);
  if (running.thread->op == Thread::WarpOp::product) recorder->matrix_product();
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

// The numbers of the blocks of a cluster, by rank.
void append_blocks(const Launch& at, int64_t cluster, std::vector<int64_t>& numbers) {
  const dim3 &g = at.grid, &c = at.cluster;
  const uint3 of_cluster = index_of(cluster, dim3(g.x / c.x, g.y / c.y, g.z / c.z));
  for (int64_t rank = 0; rank < int64_t{c.x} * c.y * c.z; ++rank) {
    const uint3 in_cluster = index_of(rank, c);
    const int64_t x = of_cluster.x * c.x + in_cluster.x, y = of_cluster.y * c.y + in_cluster.y,
                  z = of_cluster.z * c.z + in_cluster.z;
    numbers.push_back((z * g.y + y) * g.x + x);
  }
}

// Runs these clusters, one after the other or, in a cooperative launch, together.
void run_clusters(Residents& residents, int64_t begin, int64_t end,
                  const std::function<int64_t(int64_t)>& nth) {
  std::vector<int64_t> numbers;
  for (int64_t i = begin; i < end; ++i) {
    append_blocks(residents.launch, nth(i), numbers);
    if (residents.launch.cooperative && i + 1 < end) continue;
    residents.run(numbers);
    numbers.clear();
  }
}

void run_blocks(const Exec& exec, const Launch& at, const std::function<void()>& thread) {
  const Schedule schedule = current_schedule();
  const int64_t n_blocks = int64_t{at.grid.x} * at.grid.y * at.grid.z,
                n_clusters = n_blocks / (int64_t{at.cluster.x} * at.cluster.y * at.cluster.z);
  const auto nth_cluster = [&](int64_t i) {
    return schedule.order == Schedule::Order::reverse && !at.cooperative ? n_clusters - 1 - i : i;
  };
  if (is_recording()) {
    static std::mutex one_by_one;
    const std::lock_guard lock(one_by_one);
    if (Recording* const recording = Recording::active()) {
      RecordedLaunch recorder(*recording, at);
      Residents residents(at, schedule, thread, &recorder);
      run_clusters(residents, 0, n_clusters, nth_cluster);
      recorder.finish();
      return;
    }
  }
  if (at.cooperative) {
    Residents residents(at, schedule, thread, nullptr);
    return run_clusters(residents, 0, n_clusters, nth_cluster);
  }
  // One exception per chunk, so that which one is reported does not depend on who comes first.
  const int64_t grain = std::max<int64_t>(1, n_clusters / 64), n_chunks = (n_clusters + grain - 1) / grain;
  std::vector<std::exception_ptr> errors(static_cast<size_t>(n_chunks));
  parallel_for(exec, n_clusters, grain, [&](int64_t begin, int64_t end) {
    try {
      Residents residents(at, schedule, thread, nullptr);
      run_clusters(residents, begin, end, nth_cluster);
    } catch (...) {
      errors[static_cast<size_t>(begin / grain)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace

void run_grid(const Exec& exec, const Launch& at, const std::function<void()>& thread) {
  check(at);
  if (OperationCount* const count = OperationCount::current()) return count->note(at.name);
  unless_rehearsing([&] { run_blocks(exec, at, thread); });
}

bool is_kept() { return Capture::of(Device::simt()) != nullptr || LaunchList::current() != nullptr; }

void keep_grid(const Exec& exec, const Launch& at, std::span<const Argument> arguments,
               std::function<void()> thread) {
  check(at);
  if (LaunchList* const list = LaunchList::current()) {
    list->add({.name = at.name,
               .grid = {at.grid.x, at.grid.y, at.grid.z},
               .block = {at.block.x, at.block.y, at.block.z},
               .shared_bytes = at.shared_bytes,
               .cooperative = at.cooperative,
               .cluster = at.cluster.x * at.cluster.y * at.cluster.z},
              arguments);
  }
  Capture* const capture = Capture::of(Device::simt());
  if (capture == nullptr) return run_grid(exec, at, thread);
  record_operation(*capture, at.name, arguments,
                   [exec, at, thread = std::move(thread)] { run_grid(exec, at, thread); });
}

void __syncthreads(Where where) { wait(this_thread("__syncthreads"), Thread::State::at_barrier, where); }

int __syncthreads_count(int predicate, Where where) {
  Thread& thread = this_thread("__syncthreads_count");
  thread.value = predicate != 0;
  wait(thread, Thread::State::at_barrier, where);
  return static_cast<int>(thread.result);
}
int __syncthreads_or(int predicate, Where where) { return __syncthreads_count(predicate, where) != 0; }
int __syncthreads_and(int predicate, Where where) {
  return __syncthreads_count(predicate, where) == static_cast<int>(running.block->threads.size());
}

void cluster_sync(Where where) {
  wait(this_thread("cluster_sync"), Thread::State::at_cluster_barrier, where);
}
unsigned cluster_rank() {
  this_thread("cluster_rank");
  return running.block->rank;
}
unsigned cluster_size() {
  this_thread("cluster_size");
  return static_cast<unsigned>(running.residents->cluster_of(*running.block).size());
}

void __threadfence() {
  Thread& thread = this_thread("__threadfence");
  if (RecordedLaunch* recorder = running.residents->recorder; recorder != nullptr)
    recorder->fence(*running.block->trace, number_in_block(thread));
}

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

void multiply_tf32(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2], Where where) {
  const Fragments own{sum, a, b};  // stays on this thread's stack while it waits
  meet(Thread::WarpOp::product, ~0U, reinterpret_cast<uintptr_t>(&own), 0, 0, where);
}

int lane_id() { return number_in_block(this_thread("a warp operation")) % warpSize; }

SharedMemory shared_variable(const void* key, const SharedType& type, void (*fill)(void*, size_t)) {
  this_thread("shared memory");
  SharedVariable& variable = running.block->variable(key, type, fill);
  return {variable.data.get(), type.bytes, running.residents->recorder != nullptr};
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
  const size_t dynamic_bytes = running.residents->launch.shared_bytes;
  const bool recorded = running.residents->recorder != nullptr;
  for (const Block& block : running.residents->cluster_of(*running.block)) {
    for (const SharedVariable& variable : block.shared) {
      if (at >= variable.data.get() && at < variable.data.get() + variable.type.bytes)
        return {variable.data.get(), variable.type.bytes, recorded};
    }
    if (unsigned char* dynamic = block.dynamic_shared.get(); at >= dynamic && at < dynamic + dynamic_bytes)
      return {dynamic, dynamic_bytes, recorded};
  }
  throw CheckFailed("{} an address that is not in shared memory", running_str());
}

void* shared_of_rank(const void* address, unsigned rank, Where where) {
  this_thread("map_shared");
  Block& own = *running.block;
  const std::span<Block> cluster = running.residents->cluster_of(own);
  if (rank >= cluster.size()) {
    throw CheckFailed("{} map_shared to rank {} in a cluster of {}{}", running_str(), rank, cluster.size(),
                      at_str(where));
  }
  Block& other = cluster[rank];
  if (std::all_of(other.threads.begin(), other.threads.end(),
                  [](const Thread& thread) { return thread.state == Thread::State::done; })) {
    throw CheckFailed(
        "{} map_shared to rank {}, whose block has ended and its shared memory with it: cluster_sync() "
        "before the end{}",
        running_str(), rank, at_str(where));
  }
  const auto* at = static_cast<const unsigned char*>(address);
  for (const SharedVariable& variable : own.shared) {
    const unsigned char* begin = variable.data.get();
    if (at < begin || at >= begin + variable.type.bytes) continue;
    return other.variable(variable.key, variable.type, variable.fill).data.get() + (at - begin);
  }
  if (at == own.dynamic_shared.get()) return other.dynamic_shared.get();
  throw CheckFailed("{} map_shared of what is not in the shared memory of this block{}", running_str(),
                    at_str(where));
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

void report_misaligned(size_t alignment) {
  throw CheckFailed("{} takes memory as elements of {} bytes, but it does not begin at a multiple of {}",
                    running_str(), alignment, alignment);
}

void report_unwritten_shared(const void* address, Poisoned state, Where where) {
  throw CheckFailed("{} {} {}{}", running_str(), shared_str(address), poisoned_str(state), at_str(where));
}

}  // namespace primal::simt
