// The blocks that are on the emulated device at one time, and who of their threads waits for what: one independent
// block, or all blocks of a cooperative launch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/simt/fiber.h"
#include "tensor/simt/recorder.h"
#include "tensor/simt/simt_emulation.h"

namespace primal::simt {

struct Thread {
  // fresh: not started. Threads wait at a barrier of their block, of the grid, or for the lanes of a warp operation.
  enum class State { fresh, ready, at_barrier, at_grid_barrier, at_warp, done };
  State state = State::fresh;
  Fiber* fiber = nullptr;  // from its start to its end
  uint3 index;
  Where where;  // it waits

  // at_warp: what the lanes exchange
  enum class WarpOp { sync, exchange, ballot };
  WarpOp op = WarpOp::sync;
  unsigned mask = 0;
  int source = 0;  // exchange: of which lane it wants the value
  uint64_t value = 0, poison = 0, result = 0;
};

struct SharedVariable {
  const void* key;
  SharedType type;
  std::unique_ptr<unsigned char[]> data;
};

struct Block {
  Block(const Launch& at, int64_t number);

  uint3 index;
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

  // Runs the blocks of these numbers, all at once, to their ends; CheckFailed for a fault.
  void run(const std::vector<int64_t>& numbers);

  const Launch& launch;
  RecordedLaunch* const recorder;

 private:
  struct Unwind;
  bool pass(Block& block, int64_t number, uint32_t pass_number);
  void resume(Block& block, Thread& thread);
  bool open_barriers();
  [[noreturn]] void report_stuck() const;

  const Schedule& schedule_;
  const std::function<void()>& thread_;
  FiberPool fibers_;
  std::vector<Block> blocks_;
};

// Who runs on this thread of the operating system; all null outside a kernel.
struct Running {
  Residents* residents = nullptr;
  Block* block = nullptr;
  Thread* thread = nullptr;
};
extern constinit thread_local Running running;

// Of the running kernel thread: "[axpy] block (1,0,0), thread (31,0,0)"; "[simt]" outside a kernel.
std::string running_str();
// "0-31, 64"
std::string ranges_str(const std::vector<int>& numbers);
std::string index_str(const uint3& i);                  // "(1,0,0)"
std::string buffer_str(int64_t element, int64_t size);  // "element 7 of a buffer of 64"
// "tile[3][0]", of the block that runs; of a row, with rank 1, "tile[3]"
std::string shared_str(const void* address, size_t rank = 0);
uint3 index_of(int64_t number, const dim3& extent);  // x fastest

}  // namespace primal::simt
