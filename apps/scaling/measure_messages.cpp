#include "apps/scaling/measure_messages.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

#include "apps/distributed/all_reduce.h"

namespace primal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMessagesBefore = 3;
// If a rank begins later than the others, their messages are already waiting for it, and it measures a
// shorter time. Timing three repetitions together makes this effect smaller.
constexpr int kInARow = 3;
constexpr int kFewest = 3;  // the least number of rounds
constexpr int64_t kLargestGather = 64 << 10;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// The time of one repetition, and the part of it in which messages were started.
struct Times {
  double us = 0.0, start_us = 0.0;
};

class Ring {
 public:
  Ring(Communicator& ranks, int64_t partners, int64_t bytes) : ranks_(ranks), partners_(partners) {
    sent_.assign(static_cast<size_t>(bytes), std::byte{1});
    received_.assign(static_cast<size_t>(bytes * ranks.size()), std::byte{0});
  }

  Times exchange() {
    const auto n = static_cast<size_t>(ranks_.size()), own = static_cast<size_t>(ranks_.rank());
    std::vector<ConstBytes> out(n);
    std::vector<Bytes> in(n);
    for (size_t k = 1; k <= static_cast<size_t>(partners_); ++k) {
      const size_t from = (own + n - k) % n;
      out[(own + k) % n] = sent_;
      in[from] = std::span(received_).subspan(from * sent_.size(), sent_.size());
    }
    const int64_t number = ranks_.take_number();
    const Clock::time_point start = Clock::now();
    const std::unique_ptr<Transfer> transfer = ranks_.start(out, in, number);
    const double start_us = us_since(start);
    ranks_.wait(*transfer);
    return {us_since(start), start_us};
  }

 private:
  Communicator& ranks_;
  int64_t partners_;
  std::vector<std::byte> sent_, received_;
};

class Measurement {
 public:
  Measurement(Communicator& ranks, const MessageOptions& options,
              const std::function<void(const std::string&)>& on_row)
      : ranks_(ranks), options_(options), on_row_(on_row), others_(ranks.size() - 1) {}

  std::vector<MessageTime> run() {
    for (const int64_t bytes : options_.bytes) {
      exchange(1, bytes);
      if (others_ > 1) exchange(others_, bytes);
    }
    for (const int64_t bytes : options_.bytes) {
      if (bytes <= kLargestGather) gather(bytes);
    }
    int64_t last = 0;
    for (const int64_t bytes : options_.bytes) {
      // At least one number for each rank: a rank without any would send nothing.
      const int64_t whole = std::max(bytes / 4, int64_t{ranks_.size()}) * 4;
      if (whole != last) reduce(whole);
      last = whole;
    }
    return rows_;
  }

 private:
  void exchange(int64_t partners, int64_t bytes) {
    Ring ring(ranks_, partners, bytes);
    measure({"exchange", bytes, {{partners, static_cast<double>(bytes)}}, 0.0, {}, 0.0},
            [&] { return ring.exchange(); });
  }

  void gather(int64_t bytes) {
    const std::vector<std::byte> own(static_cast<size_t>(bytes), std::byte{1});
    measure({"all_gather", bytes, {{others_, 8.0}, {others_, static_cast<double>(bytes)}}, 0.0, {}, 0.0},
            [&] {
              const Clock::time_point start = Clock::now();
              ranks_.all_gather(own);
              return Times{us_since(start), 0.0};
            });
  }

  void reduce(int64_t bytes) {
    std::vector<float> values(static_cast<size_t>(bytes / 4), 1.0f);
    AllReduce sum(ranks_, values);
    const MessagePhase phase{others_, static_cast<double>(bytes) / ranks_.size()};
    measure({"all_reduce", bytes, {phase, phase}, static_cast<double>(bytes), {}, 0.0}, [&] {
      std::ranges::fill(values, 1.0f);  // otherwise repeated sums would overflow
      const Clock::time_point start = Clock::now();
      sum.begin();
      sum.finish();
      return Times{us_since(start), 0.0};
    });
  }

  int n_more(double round_ms) const {
    const double wanted = std::max(static_cast<double>(options_.rounds), options_.min_time_ms / round_ms);
    const double allowed = std::min(options_.max_time_ms / round_ms, 1e5);
    return std::max(static_cast<int>(std::min(wanted, allowed)) - kFewest, 0);
  }

  void measure(MessageTime row, const std::function<Times()>& once) {
    if (on_row_) on_row_(fmt::format("{} of {} bytes", row.name, row.bytes));
    for (int i = 0; i < kMessagesBefore; ++i) once();
    ranks_.barrier();
    std::vector<double> us, start_us;
    const auto repeat = [&](int n) {
      for (int i = 0; i < n; ++i) {
        Times sum;
        for (int k = 0; k < kInARow; ++k) {
          const Times times = once();
          sum.us += times.us / kInARow;
          sum.start_us += times.start_us / kInARow;
        }
        us.push_back(sum.us);
        start_us.push_back(sum.start_us);
      }
    };
    const Clock::time_point began = Clock::now();
    repeat(kFewest);
    // Rank 0 decides for all ranks how many more rounds there are.
    repeat(ranks_.all_gather_value(n_more(1e-3 * us_since(began) / kFewest)).front());
    struct Row {
      Summary us;
      double start_us;
    };
    const std::vector<Row> all = ranks_.all_gather_value(Row{summarise(us), summarise(start_us).median});
    const Row& slowest =
        *std::ranges::max_element(all, {}, [](const Row& of_rank) { return of_rank.us.median; });
    row.us = slowest.us;
    row.start_us = slowest.start_us;
    rows_.push_back(std::move(row));
  }

  Communicator& ranks_;
  const MessageOptions& options_;
  const std::function<void(const std::string&)>& on_row_;
  int64_t others_;
  std::vector<MessageTime> rows_;
};

}  // namespace

std::vector<MessageTime> measure_messages(Communicator& ranks, const MessageOptions& options,
                                          const std::function<void(const std::string&)>& on_row) {
  if (ranks.size() < 2) throw ConfigError("[profile] messages need at least two ranks, there is one");
  return Measurement(ranks, options, on_row).run();
}

}  // namespace primal
