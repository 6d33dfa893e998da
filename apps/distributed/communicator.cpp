#include "apps/distributed/communicator.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <thread>

#include "tensor/range.h"

namespace primal {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenLooks{50};  // at whether the other processes are alive
// When messages can no longer come, the rank that caused this has so much time to report it, since it
// saves a checkpoint first. After that the other ranks report the problem one after the other, and the
// first report stops the rest.
constexpr milliseconds kForFarewell{5000}, kTurn{200};
constexpr int kMostTurns = 25;
constexpr int kSpins = 200;  // of a few microseconds, before a wait gives its core away
// Then it sleeps between looks for an eighth of the time waited so far: late by that much at most, and cheap
// where the other ranks have no core just now.
constexpr microseconds kShortestSleep{20}, kLongestSleep{1000};

size_t at(int rank) { return static_cast<size_t>(rank); }

}  // namespace

std::unique_ptr<Transfer> Communicator::start(std::span<const ConstBytes> out, std::span<const Bytes> in,
                                              int64_t number) {
  if (std::ssize(out) != size_ || std::ssize(in) != size_)
    throw ShapeError("[ranks] {} pieces to send and {} to receive among {} ranks", out.size(), in.size(),
                     size_);
  const ConstBytes own = out[at(rank_)];
  if (own.size() != in[at(rank_)].size())
    throw ShapeError("[ranks] a rank's own piece has {} bytes, its place {}", own.size(),
                     in[at(rank_)].size());
  if (!own.empty() && own.data() != in[at(rank_)].data())
    std::memcpy(in[at(rank_)].data(), own.data(), own.size());
  for (int r = 0; r < size_; ++r) bytes_sent_ += r == rank_ ? 0 : std::ssize(out[at(r)]);
  return start_messages(out, in, number);
}

void Communicator::wait(Transfer& transfer) {
  const Range range("ranks.wait");
  const Clock::time_point began = Clock::now();
  Clock::time_point next_look = began + kBetweenLooks;
  std::optional<Clock::time_point> broken;
  const auto patience = std::min<std::chrono::duration<double>>(kForFarewell, timeout_ / 4) +
                        std::min(rank_, kMostTurns) * kTurn;
  for (int64_t spin = 0; !transfer.done(); ++spin) {
    if (const std::optional<Farewell> farewell = heard_farewell())
      throw RankError(farewell->text, farewell->exit_code, farewell->is_lost, farewell->is_lost);
    const Clock::time_point now = Clock::now();
    if (now >= next_look) {
      check_all_alive();
      next_look = now + kBetweenLooks;
    }
    const std::string problem = transfer.problem();
    if (!problem.empty() && !broken) broken = now;
    if (broken && now - *broken > patience) report(problem);
    if (now - began > timeout_)
      give_up(transfer.missing(),
              fmt::format(" for {:.3g} s (--timeout)", std::chrono::duration<double>(now - began).count()));
    if (spin < kSpins)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(
          std::clamp<Clock::duration>((now - began) / 8, kShortestSleep, kLongestSleep));
  }
  seconds_waited_ += std::chrono::duration<double>(Clock::now() - began).count();
}

std::vector<std::vector<std::byte>> Communicator::all_gather(ConstBytes own) {
  const std::vector<int64_t> sizes = all_gather_value<int64_t>(std::ssize(own));
  std::vector<std::vector<std::byte>> all;
  std::vector<Bytes> in;
  for (const int64_t bytes : sizes) all.emplace_back(static_cast<size_t>(bytes));
  for (std::vector<std::byte>& piece : all) in.emplace_back(piece);
  const std::vector<ConstBytes> out(at(size_), own);
  wait(*start(out, in, take_number()));
  return all;
}

std::vector<std::string> Communicator::all_gather_text(const std::string& own) {
  std::vector<std::string> texts;
  for (const std::vector<std::byte>& bytes : all_gather(std::as_bytes(std::span(own))))
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return texts;
}

void Communicator::introduce(const std::string& host, int64_t process) {
  hosts_ = all_gather_text(host);
  processes_ = all_gather_value(process);
}

std::string Communicator::name_of(int rank) const {
  if (hosts_.empty()) return fmt::format("rank {}", rank);
  return fmt::format("rank {} on {} (process {})", rank, hosts_[at(rank)], processes_[at(rank)]);
}

int Communicator::rank_on_host() const {
  return static_cast<int>(std::count(hosts_.begin(), hosts_.begin() + rank_, hosts_[at(rank_)]));
}

void Communicator::say_farewell(const Error& error) {
  send_farewell(
      {error.exit_code(), false, fmt::format("{}, step {}: {}", name_of(rank_), step_, error.what())});
}

bool Communicator::reports() const {
  return std::find(lost_.begin(), lost_.end(), false) - lost_.begin() == rank_;
}

void Communicator::check_all_alive() {
  std::vector<std::string> ended;
  for (int r = 0; r < size_; ++r) {
    if (r == rank_ || !has_ended(r)) continue;
    lost_[at(r)] = true;
    ended.push_back(name_of(r));
  }
  if (ended.empty()) return;
  throw RankError(fmt::format("[ranks] step {}: {} ended unexpectedly", step_, fmt::join(ended, ", ")),
                  kLostRankCode, true);
}

// Reached if no rank with a lower number has reported the problem.
void Communicator::report(const std::string& problem) {
  check_all_alive();
  std::fill(lost_.begin(), lost_.begin() + rank_, true);
  throw RankError(fmt::format("[ranks] step {}: {}: {}", step_, name_of(rank_), problem), kLostRankCode,
                  true);
}

void Communicator::give_up(const std::vector<int>& missing, const std::string& why) {
  check_all_alive();
  std::vector<std::string> names;
  for (const int r : missing) {
    lost_[at(r)] = true;
    names.push_back(name_of(r));
  }
  const std::string who = names.empty() ? "every rank answers, but their devices do not"
                                        : fmt::format("no answer from {}", fmt::join(names, ", "));
  throw RankError(fmt::format("[ranks] step {}: {}{}", step_, who, why), kLostRankCode, true);
}

}  // namespace primal
