#include "apps/distributed/mpi_communicator.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>
#include <unistd.h>

#include "apps/distributed/mpi_plugin.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int kFarewellTag = 32000, kTags = 30000;  // every MPI has tags up to 32767

struct Plugin {
  const PrimalMpiTable* table = nullptr;
  std::string problem;
};

Plugin load_plugin() {
#if PRIMAL_HAS_MPI
  std::error_code unknown;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path installed = program.parent_path().parent_path() / PRIMAL_MPI_INSTALLED;
  std::string reasons;
  for (const fs::path& file : {installed, fs::path(PRIMAL_MPI_BUILT)}) {
    if (!fs::exists(file, unknown)) continue;
    void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      reasons += fmt::format("; {}", dlerror());
      continue;
    }
    const auto table = reinterpret_cast<decltype(&primal_mpi_table)>(dlsym(handle, "primal_mpi_table"));
    if (table != nullptr && table()->interface_version == kMpiInterface) return {table(), {}};
    reasons += fmt::format("; {} is of another version of Primal", file.string());
  }
  return {nullptr, fmt::format("its module cannot be loaded: {} is expected{}", installed.string(), reasons)};
#else
  return {nullptr,
          "this build is without MPI: install it (Debian: libopenmpi-dev), then configure and build again"};
#endif
}

const Plugin& plugin() {
  static const Plugin loaded = load_plugin();
  return loaded;
}

void check(int error, const char* what) {
  if (error == 0) return;
  std::array<char, 512> text{};
  plugin().table->text(error, text.data(), std::ssize(text));
  throw DeviceError("[ranks] MPI could not {}: {}", what, text.data());
}

// Processes that were seen are recognised by the moment they started, since numbers are used again.
// Nothing for one that has ended.
std::optional<uint64_t> start_of_process(int64_t process) {
  std::ifstream stream(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(stream, line)) return {};
  // PID (NAME) STATE and 19 more numbers; the name may contain anything, so what follows its last bracket
  // counts.
  std::istringstream rest(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::string state, skipped;
  rest >> state;
  for (int i = 0; i < 18; ++i) rest >> skipped;
  uint64_t start = 0;
  if (!(rest >> start) || state == "Z" || state == "X") return {};
  return start;
}

struct ProcessOnNode {
  std::array<char, 65>
      node;  // the kernel's number of this start of the machine, and of its namespace of processes
  int64_t process;
  uint64_t start;
};

ProcessOnNode this_process() {
  ProcessOnNode own{};
  std::string node;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> node;
  std::error_code unknown;
  node += fs::read_symlink("/proc/self/ns/pid", unknown).string();
  std::memcpy(own.node.data(), node.data(), std::min(node.size(), own.node.size() - 1));
  own.process = ::getpid();
  own.start = start_of_process(own.process).value_or(0);
  return own;
}

class MpiTransfer : public Transfer {
 public:
  MpiTransfer(const std::vector<PrimalMpiMessage>& messages, int tag) : messages_(messages) {
    const int error = plugin().table->start(messages.data(), std::ssize(messages), tag, &transfer_);
    if (error != 0 && transfer_ != nullptr) plugin().table->close(transfer_);
    check(error, "send");
  }
  ~MpiTransfer() override { plugin().table->close(transfer_); }

  bool done() override {
    if (!done_) check(plugin().table->test(transfer_, &done_), "send or receive");
    return done_;
  }
  std::vector<int> missing() const override {
    std::vector<int> open;
    for (const PrimalMpiMessage& m : messages_) {
      // Who does not receive does not send either; a send may have been taken by the network.
      if (!m.is_sent && plugin().table->is_open(transfer_, m.peer)) open.push_back(m.peer);
    }
    return open;
  }

 private:
  std::vector<PrimalMpiMessage> messages_;
  void* transfer_ = nullptr;
  bool done_ = false;
};

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(int rank, int size) : Communicator(rank, size) {
    processes_on_node_ = all_gather_value(this_process());
    for (const ProcessOnNode& p : processes_on_node_)
      is_watched_.push_back(p.node == processes_on_node_[static_cast<size_t>(rank)].node && p.start != 0 &&
                            start_of_process(p.process) == p.start);
  }

 protected:
  std::unique_ptr<Transfer> start_messages(std::span<const ConstBytes> out, std::span<const Bytes> in,
                                           int64_t number) override {
    std::vector<PrimalMpiMessage> messages;
    for (int r = 0; r < size(); ++r) {
      const auto i = static_cast<size_t>(r);
      if (r == rank()) continue;
      if (!in[i].empty()) messages.push_back({r, in[i].data(), std::ssize(in[i]), false});
      if (!out[i].empty())
        messages.push_back({r, const_cast<std::byte*>(out[i].data()), std::ssize(out[i]), true});
    }
    return std::make_unique<MpiTransfer>(messages, 1 + static_cast<int>(number % kTags));
  }

  std::optional<Farewell> heard_farewell() override {
    bool there = false;
    int source = 0;
    int64_t bytes = 0;
    check(plugin().table->probe(kFarewellTag, &there, &source, &bytes), "look for messages");
    if (!there) return {};
    std::string text(static_cast<size_t>(bytes), ' ');
    check(plugin().table->receive(source, kFarewellTag, text.data(), bytes), "receive");
    // "3 0 TEXT"
    std::istringstream stream(text);
    Farewell farewell;
    stream >> farewell.exit_code >> farewell.is_lost;
    stream.ignore();
    std::getline(stream, farewell.text, '\0');
    return farewell;
  }

  void send_farewell(const Farewell& farewell) override {
    const std::string text = fmt::format("{} {:d} {}", farewell.exit_code, farewell.is_lost, farewell.text);
    std::vector<PrimalMpiMessage> messages;
    for (int r = 0; r < size(); ++r) {
      if (r != rank()) messages.push_back({r, const_cast<char*>(text.data()), std::ssize(text), true});
    }
    // A short message is on its way when it was started; a rank that does not take it is not waited for long.
    MpiTransfer transfer(messages, kFarewellTag);
    for (int i = 0; i < 1000 && !transfer.done(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  bool has_ended(int rank) const override {
    const auto i = static_cast<size_t>(rank);
    return i < is_watched_.size() && is_watched_[i] &&
           start_of_process(processes_on_node_[i].process) != processes_on_node_[i].start;
  }

 private:
  std::vector<ProcessOnNode> processes_on_node_;
  std::vector<bool> is_watched_;
};

}  // namespace

std::string why_no_mpi() { return plugin().problem; }

std::string mpi_library() {
  if (plugin().table == nullptr) return {};
  std::array<char, 512> text{};
  plugin().table->library(text.data(), std::ssize(text));
  const std::string all = text.data();
  return all.substr(0, all.find_first_of(",\n"));
}

std::unique_ptr<Communicator> begin_mpi() {
  if (plugin().table == nullptr) throw ConfigError("[ranks] {}", plugin().problem);
  int rank = 0, size = 1;
  check(plugin().table->begin(&rank, &size), "begin");
  return std::make_unique<MpiCommunicator>(rank, size);
}

void end_mpi(double seconds, int exit_code) {
  std::mutex mutex;
  std::condition_variable ended;
  bool is_ended = false;
  std::thread guard([&] {
    std::unique_lock lock(mutex);
    if (!ended.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return is_ended; }))
      std::_Exit(exit_code);
  });
  plugin().table->end();
  {
    const std::lock_guard lock(mutex);
    is_ended = true;
  }
  ended.notify_one();
  guard.join();
}

void abort_mpi(int exit_code) { plugin().table->abort(exit_code); }

}  // namespace primal
