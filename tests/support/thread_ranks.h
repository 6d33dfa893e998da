// Ranks on threads of one process, with faults on demand, so that tests of training on several ranks need no
// launcher.
//
//   ThreadRanks hub(4);
//   hub.at(2, 5, Fault::dies);      rank 2, at its exchange number 5
//   hub.slow(2e-3, 1e-8);           messages take 2 ms, and 10 ns for each byte
//   const std::vector<std::string> errors = hub.run([](Communicator& ranks) { ... });
//
// An error is "" where a rank met none.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "apps/distributed/communicator.h"

namespace primal::testing {

enum class Fault { dies, hangs, late };

class ThreadRanks {
 public:
  explicit ThreadRanks(int size, double timeout = 20.0) : size_(size), timeout_(timeout) {}

  // Imitates a network: the messages of a rank pass its link one after the other, at `s_per_byte`, and
  // arrive `latency_s` later.
  void slow(double latency_s, double s_per_byte) {
    latency_s_ = latency_s;
    s_per_byte_ = s_per_byte;
    link_free_.assign(static_cast<size_t>(size_), Clock::time_point{});
  }

  void at(int rank, int64_t exchange, Fault fault) { faults_[{rank, exchange}] = fault; }

  std::vector<std::string> run(const std::function<void(Communicator&)>& body) {
    std::vector<std::string> errors(static_cast<size_t>(size_));
    ended_.assign(static_cast<size_t>(size_), false);
    n_running_ = size_;
    std::vector<std::thread> threads;
    for (int r = 0; r < size_; ++r) {
      threads.emplace_back([&, r] {
        Rank rank(*this, r);
        rank.set_timeout(std::chrono::duration<double>(timeout_));
        try {
          body(rank);
        } catch (const Gone&) {
          errors[static_cast<size_t>(r)] = "gone";
        } catch (const std::exception& error) {
          errors[static_cast<size_t>(r)] = error.what();
        }
        leave();
      });
    }
    for (std::thread& thread : threads) thread.join();
    mail_.clear();
    return errors;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Letter {
    std::vector<std::byte> content;
    Clock::time_point arrives;
  };
  struct Gone {};                                 // ends the thread of a rank that dies or hangs
  using Address = std::tuple<int, int, int64_t>;  // from, to, number

  class Mail : public Transfer {
   public:
    Mail(ThreadRanks& hub, int rank, std::span<const Bytes> in, int64_t number)
        : hub_(hub), rank_(rank), number_(number), in_(in.begin(), in.end()), open_(in.size()) {
      for (size_t r = 0; r < in.size(); ++r) open_[r] = static_cast<int>(r) != rank && !in[r].empty();
    }
    bool done() override {
      const std::lock_guard lock(hub_.mutex_);
      for (size_t r = 0; r < in_.size(); ++r) {
        const auto found =
            open_[r] ? hub_.mail_.find({static_cast<int>(r), rank_, number_}) : hub_.mail_.end();
        if (found == hub_.mail_.end() || found->second.arrives > Clock::now()) continue;
        const std::vector<std::byte>& content = found->second.content;
        if (content.size() != in_[r].size()) throw ShapeError("[ranks] a message of another size");
        std::ranges::copy(content, in_[r].begin());
        hub_.mail_.erase(found);
        open_[r] = false;
      }
      return missing().empty();
    }
    std::vector<int> missing() const override {
      std::vector<int> ranks;
      for (size_t r = 0; r < open_.size(); ++r) {
        if (open_[r]) ranks.push_back(static_cast<int>(r));
      }
      return ranks;
    }

   private:
    ThreadRanks& hub_;
    int rank_;
    int64_t number_;
    std::vector<Bytes> in_;
    std::vector<bool> open_;
  };

  class Rank : public Communicator {
   public:
    Rank(ThreadRanks& hub, int rank) : Communicator(rank, hub.size_), hub_(hub) {}

   protected:
    std::unique_ptr<Transfer> start_messages(std::span<const ConstBytes> out, std::span<const Bytes> in,
                                             int64_t number) override {
      hub_.meet_fault(rank(), n_exchanges_++);
      const std::lock_guard lock(hub_.mutex_);
      for (int r = 0; r < size(); ++r) {
        const ConstBytes piece = out[static_cast<size_t>(r)];
        if (r != rank() && !piece.empty())
          hub_.mail_[{rank(), r, number}] = {{piece.begin(), piece.end()},
                                             hub_.arrival(rank(), piece.size())};
      }
      return std::make_unique<Mail>(hub_, rank(), in, number);
    }
    std::optional<Farewell> heard_farewell() override {
      const std::lock_guard lock(hub_.mutex_);
      if (!hub_.farewell_ || hub_.farewell_->first == rank()) return {};
      const Text& said = hub_.farewell_->second;
      return Farewell{said.exit_code, said.is_lost, said.text};
    }
    void send_farewell(const Farewell& farewell) override {
      const std::lock_guard lock(hub_.mutex_);
      hub_.farewell_ = {rank(), {farewell.exit_code, farewell.is_lost, farewell.text}};
    }
    bool has_ended(int rank) const override {
      const std::lock_guard lock(hub_.mutex_);
      return hub_.ended_[static_cast<size_t>(rank)];
    }

   private:
    ThreadRanks& hub_;
    int64_t n_exchanges_ = 0;
  };
  struct Text {
    int exit_code;
    bool is_lost;
    std::string text;
  };

  void meet_fault(int rank, int64_t exchange) {
    const auto found = faults_.find({rank, exchange});
    if (found == faults_.end()) return;
    if (found->second == Fault::late) return std::this_thread::sleep_for(std::chrono::milliseconds(30));
    std::unique_lock lock(mutex_);
    if (found->second == Fault::dies) ended_[static_cast<size_t>(rank)] = true;
    if (found->second == Fault::hangs) left_.wait(lock, [&] { return n_running_ <= n_hanging(); });
    throw Gone();
  }
  int n_hanging() const {
    return static_cast<int>(
        std::ranges::count_if(faults_, [](const auto& f) { return f.second == Fault::hangs; }));
  }
  Clock::time_point arrival(int from, size_t bytes) {
    if (link_free_.empty()) return {};
    const auto after = [](double seconds) {
      return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    };
    Clock::time_point& free = link_free_[static_cast<size_t>(from)];
    free = std::max(free, Clock::now()) + after(s_per_byte_ * static_cast<double>(bytes));
    return free + after(latency_s_);
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --n_running_;
    left_.notify_all();
  }

  int size_;
  double timeout_;
  std::map<std::pair<int, int64_t>, Fault> faults_;
  std::mutex mutex_;
  std::condition_variable left_;
  int n_running_ = 0;
  double latency_s_ = 0.0, s_per_byte_ = 0.0;
  // The time at which the link of each rank is free; empty: messages arrive at once.
  std::vector<Clock::time_point> link_free_;
  std::map<Address, Letter> mail_;
  std::optional<std::pair<int, Text>> farewell_;
  std::vector<bool> ended_;
};

}  // namespace primal::testing
