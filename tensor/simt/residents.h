// The blocks that are on the emulated device at one time, and who of their threads waits for what: one
// independent block, or all blocks of a cooperative launch.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/simt/async_copy.h"
#include "tensor/simt/fiber.h"
#include "tensor/simt/recorder.h"
#include "tensor/simt/simt_emulation.h"

namespace primal::simt {

struct Thread {
  // fresh: not started. Threads wait at a barrier of their block, cluster or grid, or for the
  // lanes of a warp operation.
  enum class State { fresh, ready, at_barrier, at_cluster_barrier, at_grid_barrier, at_warp, done };
  State state = State::fresh;
  Fiber* fiber = nullptr;  // from its start to its end
  uint3 index{};
  Where where;  // it waits

  // at_barrier: a predicate, and of how many threads it holds; at_warp: what the lanes exchange, or for a
  // product the address of a lane's fragments
  enum class WarpOp { sync, exchange, ballot, product };
  WarpOp op = WarpOp::sync;
  unsigned mask = 0;
  int source = 0;  // exchange: of which lane it wants the value
  uint64_t value = 0, poison = 0, result = 0;

  PendingCopies copies;
};

struct SharedVariable {
  const void* key;
  SharedType type;
  void (*fill)(void*, size_t);  // with poison
  std::unique_ptr<unsigned char[]> data;
};

struct Block {
  Block(const Launch& at, int64_t number);

  // The variable of that key, which is made if it is not there yet.
  SharedVariable& variable(const void* key, const SharedType& type, void (*fill)(void*, size_t));

  uint3 index;
  int64_t cluster;              // its number
  unsigned rank;                // in the cluster
  std::vector<Thread> threads;  // x fastest
  std::vector<SharedVariable> shared;
  std::unique_ptr<unsigned char[]> dynamic_shared;
  std::unique_ptr<BlockTrace> trace;  // in a recorded launch
};

class Residents {
 public:
  // `recorded` is null where nothing records.
  Residents(const Launch& at, const Schedule& schedule, const std::function<void()>& thread,
            RecordedLaunch* recorded)
      : launch(at), recorder(recorded), schedule_(schedule), thread_(thread) {}

  // Runs the blocks of these numbers, whole clusters in the order of their ranks, all at once to their ends;
  // CheckFailed for a fault.
  void run(const std::vector<int64_t>& numbers);

  // The blocks of the cluster of that one, by rank.
  std::span<Block> cluster_of(const Block& block);

  const Launch& launch;
  RecordedLaunch* const recorder;

 private:
  struct Unwind;
  bool pass(Block& block, int64_t number, uint32_t pass_number);
  void resume(Block& block, Thread& thread);
  bool open_barriers();
  bool open_block_barriers();
  bool open_cluster_barriers();
  [[noreturn]] void report_stuck() const;

  const Schedule& schedule_;
  const std::function<void()>& thread_;
  FiberPool& fibers_ = FiberPool::of_this_thread();
  std::vector<Block> blocks_;
};

// Who runs on this thread of the operating system; all null outside a kernel.
struct Running {
  Residents* residents = nullptr;
  Block* block = nullptr;
  Thread* thread = nullptr;
};
extern constinit thread_local Running running;

// Names the running kernel thread: "[axpy] block (1,0,0), thread (31,0,0)"; "[simt]" outside a kernel.
std::string running_str();
// "0-31, 64"
std::string ranges_str(const std::vector<int>& numbers);
std::string index_str(const uint3& i);                  // "(1,0,0)"
std::string buffer_str(int64_t element, int64_t size);  // "element 7 of a buffer of 64"
// "tile[3][0]", of the block that runs or, with its rank, of another of its cluster; of a row, with rank 1,
// "tile[3]"
std::string shared_str(const void* address, size_t rank = 0);
int64_t cluster_number(int64_t block, const Launch& at);
uint3 index_of(int64_t number, const dim3& extent);  // x fastest

}  // namespace primal::simt
