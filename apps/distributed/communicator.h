// Communicator: messages between the ranks of one training. A rank is a process, numbered 0 to size() - 1.
//
//   start(out, in)     sends out[r] to each rank r and receives in[r] from it; every rank starts the same
//                      exchanges with sizes that fit, and a rank's own piece is copied
//   all_gather(own)    what each rank gave, in the order of ranks; the sizes may differ
//   AllReduce          the sum of a vector over all ranks (all_reduce.h)
//
// Everything is made of start(), so a result depends on the numbers of the ranks alone, never on
// which message arrives first.
//
// Faults. wait() ends with a RankError, and so does the training of every rank, when
//   - another rank said farewell: it met an error and sent the text to all others,
//   - the process of a rank has ended, where that can be seen (on the same node),
//   - a message is missing for longer than the timeout, or cannot come any more.
// Implementations: MpiCommunicator (mpi_communicator.h), and ranks on threads of one process for tests
// (tests/support/thread_ranks.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/error.h"

namespace primal {

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

// The error of another rank, or the loss of one. The text names the rank, its host and the step.
class RankError : public Error {
 public:
  RankError(const std::string& text, int exit_code, bool is_lost, bool is_reported = false)
      : Error(text, exit_code), is_lost_(is_lost), is_reported_(is_reported) {}
  bool is_lost() const { return is_lost_; }  // a rank ended or does not answer: nobody can wait for it
  bool is_reported() const { return is_reported_; }  // another rank prints it

 private:
  bool is_lost_, is_reported_;
};
inline constexpr int kLostRankCode = 4;  // the exit code of a training that lost a rank

// Messages under way. The pieces given to start() must outlive it.
class Transfer {
 public:
  Transfer() = default;
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  virtual bool done() = 0;                       // moves the messages on; true once all have arrived
  virtual std::vector<int> missing() const = 0;  // the ranks that done() waits for
  // The reason why done() will never be true, if it is known.
  virtual std::string problem() const { return {}; }
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_first() const { return rank_ == 0; }  // the rank that writes files and prints

  // `number` tells one exchange from another. Every rank calls take_number() equally often, but may start
  // exchanges in another order.
  int64_t take_number() { return next_++; }
  std::unique_ptr<Transfer> start(std::span<const ConstBytes> out, std::span<const Bytes> in, int64_t number);
  void wait(Transfer& transfer);  // RankError
  std::vector<std::vector<std::byte>> all_gather(ConstBytes own);
  std::vector<std::string> all_gather_text(const std::string& own);
  template <class T>
  std::vector<T> all_gather_value(const T& own);
  void barrier() { all_gather_value(char{0}); }

  // How long wait() waits for a message, and the step that a RankError names.
  void set_timeout(std::chrono::duration<double> timeout) { timeout_ = timeout; }
  std::chrono::duration<double> timeout() const { return timeout_; }
  void set_step(int64_t step) { step_ = step; }
  int64_t step() const { return step_; }

  // name_of(): "rank 2 on node7 (process 4711)", once hosts are known.
  void introduce(const std::string& host, int64_t process);
  std::string name_of(int rank) const;
  const std::vector<std::string>& hosts() const { return hosts_; }
  int rank_on_host() const;  // 0 for the first rank of this host

  // Tells all other ranks why this one ends; they throw that from wait(). The name of this rank
  // is put before the error.
  void say_farewell(const Error& error);
  // The same for a rank that was lost, sent by the rank that reports it, so that no other rank reports it
  // too, not even the lost one if it wakes up.
  void say_lost(const RankError& error) { send_farewell({error.exit_code(), true, error.what()}); }
  // Whether this is the lowest rank that was not lost: the one that reports.
  bool reports() const;

  int64_t bytes_sent() const { return bytes_sent_; }
  // Counts bytes that were sent by other means than start().
  void count_sent(int64_t bytes) { bytes_sent_ += bytes; }
  double seconds_waited() const { return seconds_waited_; }

 protected:
  struct Farewell {
    int exit_code = 1;
    bool is_lost = false;  // and reported by the sender
    std::string text;
  };
  Communicator(int rank, int size) : rank_(rank), size_(size), lost_(static_cast<size_t>(size), false) {}

  virtual std::unique_ptr<Transfer> start_messages(std::span<const ConstBytes> out, std::span<const Bytes> in,
                                                   int64_t number) = 0;
  virtual std::optional<Farewell> heard_farewell() = 0;
  virtual void send_farewell(const Farewell& farewell) = 0;
  // Whether the process of that rank is known to have ended.
  virtual bool has_ended(int rank) const = 0;

 private:
  void check_all_alive();
  [[noreturn]] void report(const std::string& problem);
  // If no rank is missing, the fault lies in the connections between the ranks or devices.
  [[noreturn]] void give_up(const std::vector<int>& missing, const std::string& why);

  int rank_, size_;
  int64_t step_ = 0, next_ = 0;  // number of the next exchange
  std::chrono::duration<double> timeout_{300.0};
  std::vector<std::string> hosts_;
  std::vector<int64_t> processes_;
  std::vector<bool> lost_;
  int64_t bytes_sent_ = 0;
  double seconds_waited_ = 0.0;
};

template <class T>
std::vector<T> Communicator::all_gather_value(const T& own) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> all(static_cast<size_t>(size_), own);
  std::vector<ConstBytes> out(static_cast<size_t>(size_), std::as_bytes(std::span(&own, 1)));
  std::vector<Bytes> in;
  for (T& value : all) in.push_back(std::as_writable_bytes(std::span(&value, 1)));
  wait(*start(out, in, take_number()));
  return all;
}

}  // namespace primal
