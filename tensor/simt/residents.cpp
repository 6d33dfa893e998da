#include "tensor/simt/residents.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <numeric>
#include <string_view>

#include "tensor/error.h"
#include "tensor/random.h"

namespace primal::simt {

constinit thread_local Running running;
constinit thread_local uint3 threadIdx{}, blockIdx{};
constinit thread_local dim3 blockDim, gridDim;

namespace {

using State = Thread::State;

constexpr size_t kMaxStaticShared = 48 << 10;
constexpr int64_t kOrderOfBlocks = 0xFFFFFFFF;  // in place of a block's number

bool same_place(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column() && std::string_view(a.file_name()) == b.file_name();
}

bool all_in(const Block& block, State state) {
  return std::all_of(block.threads.begin(), block.threads.end(),
                     [&](const Thread& t) { return t.state == state; });
}

// All threads of the block wait, and at the same place of the source.
bool all_wait(const Block& block, State state) {
  return all_in(block, state) &&
         std::all_of(block.threads.begin(), block.threads.end(),
                     [&](const Thread& t) { return same_place(t.where, block.threads.front().where); });
}

void make_ready(Block& block) {
  for (Thread& thread : block.threads) thread.state = State::ready;
}

// __syncthreads: each thread learns of how many the predicate holds.
void count_predicates(Block& block) {
  uint64_t n = 0;
  for (const Thread& thread : block.threads) n += thread.value;
  for (Thread& thread : block.threads) thread.result = n;
}

// Numbers of the threads 0 .. n-1 in the order in which they run.
std::vector<int64_t> order_of(const Schedule& schedule, int64_t n, int64_t block, uint32_t pass_number) {
  if (schedule.order == Schedule::Order::shuffled) {
    return RandomStream(schedule.seed, RandomPurpose::test, pass_number, static_cast<uint32_t>(block))
        .permutation(n);
  }
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  if (schedule.order == Schedule::Order::reverse) std::ranges::reverse(order);
  return order;
}

std::string waiting_str(const Thread& thread) {
  switch (thread.state) {
    case State::at_barrier:
      return "wait at __syncthreads, " + where_str(thread.where);
    case State::at_cluster_barrier:
      return "wait at cluster_sync, " + where_str(thread.where);
    case State::at_grid_barrier:
      return "wait at grid_sync, " + where_str(thread.where);
    case State::at_warp:
      return fmt::format("wait at a warp operation for the lanes {:#010x}, {}", thread.mask,
                         where_str(thread.where));
    default:
      return "have ended";
  }
}

}  // namespace

uint3 index_of(int64_t number, const dim3& extent) {
  const int64_t x = extent.x, y = extent.y;
  return {static_cast<unsigned>(number % x), static_cast<unsigned>(number / x % y),
          static_cast<unsigned>(number / (x * y))};
}

std::string index_str(const uint3& i) { return fmt::format("({},{},{})", i.x, i.y, i.z); }

std::string where_str(const Where& where) {
  if (where.line() == 0) return {};
  const std::string_view path = where.file_name();
  return fmt::format("{}:{}", path.substr(path.rfind('/') + 1), where.line());
}

std::string ranges_str(const std::vector<int>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (!text.empty()) text += ", ";
    text += end == i + 1 ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[end - 1]);
    i = end;
  }
  return text;
}

std::string running_str() {
  if (running.thread == nullptr) return "[simt]";
  return fmt::format("[{}] block {}, thread {}:", running.residents->launch.name,
                     index_str(running.block->index), index_str(running.thread->index));
}

std::string buffer_str(int64_t element, int64_t size) {
  return fmt::format("element {} of a buffer of {}", element, size);
}

std::string shared_str(const void* address, size_t rank) {
  const auto offset_in = [&](const void* data, size_t bytes) {
    const ptrdiff_t offset =
        static_cast<const unsigned char*>(address) - static_cast<const unsigned char*>(data);
    return offset >= 0 && offset < static_cast<ptrdiff_t>(bytes) ? offset : -1;
  };
  for (const Block& block : running.residents->cluster_of(*running.block)) {
    const std::string whose = &block == running.block ? "" : fmt::format(" of rank {}", block.rank);
    for (const SharedVariable& variable : block.shared) {
      const SharedType& type = variable.type;
      ptrdiff_t element = offset_in(variable.data.get(), type.bytes);
      if (element < 0) continue;
      element /= static_cast<ptrdiff_t>(type.element_bytes);
      std::string indices;
      for (size_t axis = type.extent.size(); axis-- > 0;) {
        if (type.extent[axis] == 0) continue;
        if (rank > 0) {
          --rank;
        } else {
          indices.insert(0, fmt::format("[{}]", element % type.extent[axis]));
        }
        element /= type.extent[axis];
      }
      return type.name + indices + whose;
    }
    const ptrdiff_t byte = offset_in(block.dynamic_shared.get(), running.residents->launch.shared_bytes);
    if (byte >= 0) return fmt::format("byte {} of dynamic shared memory{}", byte, whose);
  }
  return "shared memory";
}

int64_t cluster_number(int64_t block, const Launch& at) {
  const uint3 index = index_of(block, at.grid);
  const int64_t x = index.x / at.cluster.x, y = index.y / at.cluster.y, z = index.z / at.cluster.z;
  return (z * (at.grid.y / at.cluster.y) + y) * (at.grid.x / at.cluster.x) + x;
}

Block::Block(const Launch& at, int64_t number)
    : index(index_of(number, at.grid)),
      cluster(cluster_number(number, at)),
      rank(((index.z % at.cluster.z) * at.cluster.y + index.y % at.cluster.y) * at.cluster.x +
           index.x % at.cluster.x),
      threads(size_t{at.block.x} * at.block.y * at.block.z) {
  uint3 next{};
  for (Thread& thread : threads) {
    thread.index = next;
    if (++next.x < at.block.x) continue;
    next.x = 0;
    if (++next.y < at.block.y) continue;
    next.y = 0;
    ++next.z;
  }
  if (at.shared_bytes > 0) {
    dynamic_shared.reset(new unsigned char[at.shared_bytes]);
    fill_poison<float>(dynamic_shared.get(), at.shared_bytes);
  }
}

SharedVariable& Block::variable(const void* key, const SharedType& type, void (*fill)(void*, size_t)) {
  size_t total = type.bytes;
  for (SharedVariable& there : shared) {
    if (there.key == key) return there;
    total += there.type.bytes;
  }
  if (total > kMaxStaticShared) {
    throw CheckFailed(
        "{} {} bytes of static shared memory: at most {}; ask for more as .shared_bytes of the launch",
        running_str(), total, kMaxStaticShared);
  }
  shared.push_back({key, type, fill, std::unique_ptr<unsigned char[]>(new unsigned char[type.bytes])});
  fill(shared.back().data.get(), type.bytes);
  return shared.back();
}

// However run() ends, no fiber keeps a thread, and this thread of the operating system runs no kernel.
struct Residents::Unwind {
  Residents& residents;
  Running before = running;

  ~Unwind() {
    for (Block& block : residents.blocks_) {
      for (Thread& thread : block.threads) {
        if (thread.fiber == nullptr) continue;
        if (thread.fiber->suspended()) thread.fiber->abandon();
        residents.fibers_.give_back(thread.fiber);
      }
    }
    residents.blocks_.clear();
    residents.fibers_.trim();
    running = before;
  }
};

void Residents::run(const std::vector<int64_t>& numbers) {
  const Unwind unwind{*this};
  const auto shared_shadow = std::make_shared<Shadow>();
  for (int64_t number : numbers) {
    blocks_.emplace_back(launch, number);
    if (recorder != nullptr) blocks_.back().trace = recorder->begin_block(number, shared_shadow);
  }
  gridDim = launch.grid;
  blockDim = launch.block;
  for (uint32_t pass_number = 0;; ++pass_number) {
    bool any_ran = false;
    for (int64_t i : order_of(schedule_, std::ssize(blocks_), kOrderOfBlocks, pass_number)) {
      const auto b = static_cast<size_t>(i);
      any_ran |= pass(blocks_[b], numbers[b], pass_number);
    }
    if (any_ran) continue;
    if (std::all_of(blocks_.begin(), blocks_.end(), [](const Block& b) { return all_in(b, State::done); }))
      break;
    if (!open_barriers()) report_stuck();
  }
  if (recorder == nullptr) return;
  for (Block& block : blocks_) recorder->end_block(*block.trace);
}

// Lets every thread run that can, once; false where none could.
bool Residents::pass(Block& block, int64_t number, uint32_t pass_number) {
  const auto runs = [](const Thread& t) { return t.state == State::fresh || t.state == State::ready; };
  if (std::none_of(block.threads.begin(), block.threads.end(), runs)) return false;
  for (int64_t i : order_of(schedule_, std::ssize(block.threads), number, pass_number)) {
    if (Thread& thread = block.threads[static_cast<size_t>(i)]; runs(thread)) resume(block, thread);
  }
  return true;
}

void Residents::resume(Block& block, Thread& thread) {
  running = {this, &block, &thread};
  threadIdx = thread.index;
  blockIdx = block.index;
  const bool fresh = thread.state == State::fresh;
  thread.state = State::ready;
  if (fresh) thread.fiber = fibers_.take();
  if (fresh ? thread.fiber->start(thread_) : thread.fiber->resume()) {
    thread.state = State::done;
    fibers_.give_back(std::exchange(thread.fiber, nullptr));
  }
}

std::span<Block> Residents::cluster_of(const Block& block) {
  const size_t first = static_cast<size_t>(&block - blocks_.data()) - block.rank;
  return std::span(blocks_).subspan(first, size_t{launch.cluster.x} * launch.cluster.y * launch.cluster.z);
}

bool Residents::open_barriers() {
  const bool any_block = open_block_barriers(), any_cluster = open_cluster_barriers();
  if (any_block || any_cluster) return true;
  const auto waits = [](const Block& block) { return all_in(block, State::at_grid_barrier); };
  if (!std::all_of(blocks_.begin(), blocks_.end(), waits)) return false;
  for (Block& block : blocks_) {
    make_ready(block);
    if (recorder != nullptr) recorder->grid_barrier(*block.trace);
  }
  return true;
}

bool Residents::open_block_barriers() {
  bool any = false;
  for (Block& block : blocks_) {
    if (!all_wait(block, State::at_barrier)) continue;
    count_predicates(block);
    make_ready(block);
    if (recorder != nullptr) recorder->block_barrier(*block.trace);
    any = true;
  }
  return any;
}

bool Residents::open_cluster_barriers() {
  bool any = false;
  for (size_t b = 0; b < blocks_.size();) {
    const std::span<Block> cluster = cluster_of(blocks_[b]);
    b += cluster.size();
    if (!std::all_of(cluster.begin(), cluster.end(),
                     [](const Block& block) { return all_in(block, State::at_cluster_barrier); }))
      continue;
    for (Block& block : cluster) {
      make_ready(block);
      if (recorder != nullptr) recorder->cluster_barrier(*block.trace);
    }
    any = true;
  }
  return any;
}

// Nobody can go on: says who waits where, in the first block in which not all threads wait for other blocks.
void Residents::report_stuck() const {
  const auto found = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& b) {
    return !all_in(b, State::at_grid_barrier) && !all_in(b, State::at_cluster_barrier);
  });
  const Block& block = found != blocks_.end() ? *found : blocks_.front();
  std::map<std::string, std::vector<int>> groups;
  for (size_t i = 0; i < block.threads.size(); ++i)
    groups[waiting_str(block.threads[i])].push_back(static_cast<int>(i));
  std::string text;
  for (const auto& [what, threads] : groups)
    text += fmt::format("threads {} {}; ", ranges_str(threads), what);
  if (all_in(block, State::done)) {
    const auto waits = [](const Block& b) { return all_in(b, State::at_cluster_barrier); };
    const bool for_cluster = std::any_of(blocks_.begin(), blocks_.end(), waits);
    text += for_cluster ? "other blocks wait at cluster_sync; " : "other blocks wait at grid_sync; ";
  }
  throw CheckFailed(
      "[{}] block {} cannot go on: {}a barrier must be reached by all who take part in it, or by none",
      launch.name, index_str(block.index), text);
}

}  // namespace primal::simt
