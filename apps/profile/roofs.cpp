#include "apps/profile/roofs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fmt/core.h>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/profile/roof_kernels.h"
#include "tensor/exec.h"
#include "tensor/scratch.h"

namespace primal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSink = 64;  // floats: as wide as any vector
constexpr int64_t kLargest = int64_t{256}
                             << 20;  // bytes of all arrays together, whatever the last cache claims

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// One repetition on all threads at once: body(thread, n) returns the amount it has done.
struct Repetition {
  double amount = 0.0;       // summed over the threads
  double wall_ms = 0.0;      // from the first that began to the last that ended
  double shortest_ms = 0.0;  // that any thread took
};
using Body = std::function<double(int thread, int64_t n)>;

Repetition repeat(int threads, int64_t n, const Body& body) {
  Exec exec;
  exec.n_threads = threads;
  std::vector<double> amounts(static_cast<size_t>(threads), 0.0), begins = amounts, ends = amounts;
  std::atomic<int> arrived = 0;
  const Clock::time_point start = Clock::now();
  parallel_region(exec, [&](int thread, int n_threads) {
    const auto t = static_cast<size_t>(thread);
    ++arrived;
    while (arrived < n_threads) std::this_thread::yield();  // all start together
    begins[t] = milliseconds_since(start);
    amounts[t] = body(thread, n);
    ends[t] = milliseconds_since(start);
  });
  Repetition r{0.0, std::ranges::max(ends) - std::ranges::min(begins), ends[0] - begins[0]};
  for (size_t t = 0; t < amounts.size(); ++t) {
    r.amount += amounts[t];
    r.shortest_ms = std::min(r.shortest_ms, ends[t] - begins[t]);
  }
  return r;
}

// Amounts per millisecond, n chosen so that a repetition takes long enough on each thread.
Roof measure(int threads, const RoofOptions& options, const Body& body) {
  int64_t n = 1;
  while (n < (int64_t{1} << 40)) {  // also warms up
    const double ms = std::max(repeat(threads, n, body).shortest_ms, 1e-4);
    if (ms >= 0.5 * options.milliseconds) break;
    n = std::max(2 * n,
                 static_cast<int64_t>(static_cast<double>(n) * std::min(16.0, options.milliseconds / ms)));
  }
  std::vector<double> rates;
  for (int i = 0; i < std::max(options.repetitions, 1); ++i) {
    const Repetition r = repeat(threads, n, body);
    rates.push_back(r.amount / std::max(r.wall_ms, 1e-6));
  }
  const Summary s = summarise(rates);
  return {*std::ranges::max_element(rates), s.median, s.spread()};
}

// FLOP per ms -> GFLOP/s; bytes per ms -> GB/s
Roof in_giga(Roof roof) {
  roof.best *= 1e-6;
  roof.median *= 1e-6;
  return roof;
}

// Each thread in `bytes` of its own.
BandwidthRoof bandwidth_roof(std::string level, double capacity, int64_t bytes, int threads,
                             const RoofOptions& options) {
  const int64_t n =
      std::max<int64_t>(bytes / 4 / 512 * 512, 512);  // floats of a thread: one half is copied to the other
  Exec exec;
  exec.n_threads = threads;
  const Scratch<float> scratch(exec, n * threads);
  float* const all = scratch.data();
  parallel_region(exec, [&](int thread, int) {  // touched first by its own thread
    std::memset(all + thread * n, 0, static_cast<size_t>(n) * sizeof(float));
  });
  const auto bytes_of = [](int64_t floats) { return 4.0 * static_cast<double>(floats); };
  BandwidthRoof roof{std::move(level), capacity, {}, {}};
  roof.read = in_giga(measure(threads, options, [&](int thread, int64_t rounds) {
    float sink[kSink];
    cpu::roof_read(all + thread * n, n, rounds, sink);
    return bytes_of(n * rounds);
  }));
  roof.copy = in_giga(measure(threads, options, [&](int thread, int64_t rounds) {
    float* from = all + thread * n;
    cpu::roof_copy(from, from + n / 2, n / 2, rounds);
    return bytes_of(n * rounds);
  }));
  return roof;
}

nlohmann::json to_json(const Roof& roof) {
  return {{"best", roof.best}, {"median", roof.median}, {"spread", roof.spread}};
}

}  // namespace

const BandwidthRoof& Roofs::level_of(double bytes) const {
  const auto found =
      std::ranges::find_if(bandwidth, [&](const BandwidthRoof& b) { return bytes <= b.capacity; });
  return found == bandwidth.end() ? bandwidth.back() : *found;
}

Share Roofs::share_of(const Cost& cost, double milliseconds) const {
  if (!(milliseconds > 0.0)) return {0.0, "-"};
  const BandwidthRoof& level = level_of(cost.bytes);
  const double compute = cost.flops * 1e-6 / fma_all.best, traffic = cost.bytes * 1e-6 / level.best();  // ms
  return compute >= traffic ? Share{compute / milliseconds, "FMA"}
                            : Share{traffic / milliseconds, level.level};
}

Roof measure_fma_roof(int threads, const RoofOptions& options) {
  return in_giga(measure(threads, options, [](int, int64_t n) {
    float sink[kSink];
    return cpu::roof_fma(n * 64, sink);
  }));
}

double measure_core_round_trip_ns(int threads) {
  if (threads < 2) return 0.0;
  constexpr int kRepetitions = 50;
  constexpr int64_t kTrips = 100, kEnd = -1;
  constexpr double kMostMs = 50.0;   // where two threads have one core, a trip takes a time slice
  struct alignas(64) Ball {          // alone in its cache line
    std::atomic<int64_t> value = 0;  // odd on its way there, even on its way back
  } ball;
  const auto wait_for = [&](int64_t value) {
    for (int64_t spins = 1;; ++spins) {
      const int64_t now = ball.value.load(std::memory_order_acquire);
      if (now == value || now == kEnd) return now;
      if (spins % 1024 == 0) std::this_thread::yield();
    }
  };
  std::vector<double> trips;
  parallel_region(Exec{2}, [&](int thread, int n_threads) {
    if (n_threads < 2) return;
    if (thread == 1) {
      for (int64_t value = 1; wait_for(value) != kEnd; value += 2)
        ball.value.store(value + 1, std::memory_order_release);
      return;
    }
    const Clock::time_point start = Clock::now();
    for (int64_t value = 1, r = 0; r < kRepetitions && milliseconds_since(start) < kMostMs; ++r) {
      const Clock::time_point begin = Clock::now();
      for (int64_t n = 0; n < kTrips; ++n, value += 2) {
        ball.value.store(value, std::memory_order_release);
        wait_for(value + 1);
      }
      trips.push_back(1e6 * milliseconds_since(begin) / static_cast<double>(kTrips));
    }
    ball.value.store(kEnd, std::memory_order_release);
  });
  return summarise(trips).median;
}

Roofs measure_roofs(const RoofOptions& options) {
  Roofs roofs;
  roofs.machine = this_machine();
  const int threads = roofs.machine.threads;
  roofs.fma_one = measure_fma_roof(1, options);
  roofs.fma_all = measure_fma_roof(threads, options);
  if (roofs.fma_all.best < roofs.fma_one.best)
    roofs.fma_all.best = roofs.fma_one.best;  // all include that one
  roofs.core_round_trip_ns = measure_core_round_trip_ns(threads);
  double last = 0.0;
  for (const CacheLevel& cache : roofs.machine.caches) {
    // Threads on one cache share it; threads on different ones have one each.
    const auto sharing = std::min<int64_t>(cache.shared, threads);
    const double capacity = static_cast<double>(cache.bytes) * threads / static_cast<double>(sharing);
    const auto bytes = static_cast<int64_t>(std::min(0.5 * capacity, 1.0 * kLargest) / threads);
    roofs.bandwidth.push_back(bandwidth_roof(cache.name, capacity, bytes, threads, options));
    last = capacity;
  }
  const auto beyond = static_cast<int64_t>(std::min(4.0 * last, 1.0 * kLargest) / threads);
  roofs.bandwidth.push_back(
      bandwidth_roof("DRAM", std::numeric_limits<double>::infinity(), beyond, threads, options));
  return roofs;
}

void take_better(Roofs& roofs, const Roofs& again) {
  const auto take = [](Roof& roof, const Roof& other) {
    if (other.best > roof.best) roof = other;
  };
  take(roofs.fma_one, again.fma_one);
  take(roofs.fma_all, again.fma_all);
  for (size_t i = 0; i < std::min(roofs.bandwidth.size(), again.bandwidth.size()); ++i) {
    take(roofs.bandwidth[i].read, again.bandwidth[i].read);
    take(roofs.bandwidth[i].copy, again.bandwidth[i].copy);
  }
}

std::string doubt_about(const Roofs& roofs) {
  constexpr double kVariation = 0.75;  // the last cache and memory are near each other on some machines
  for (size_t i = 1; i < roofs.bandwidth.size(); ++i) {
    const BandwidthRoof &near = roofs.bandwidth[i - 1], &far = roofs.bandwidth[i];
    if (near.best() < kVariation * far.best()) {
      return fmt::format("{} was measured with {:.0f} GB/s and {}, behind it, with {:.0f}", near.level,
                         near.best(), far.level, far.best());
    }
  }
  return "";
}

nlohmann::json to_json(const Roofs& roofs) {
  nlohmann::json levels = nlohmann::json::array();
  for (const BandwidthRoof& b : roofs.bandwidth) {
    nlohmann::json level = {
        {"level", b.level}, {"read_gb_s", to_json(b.read)}, {"copy_gb_s", to_json(b.copy)}};
    level["capacity_bytes"] = std::isfinite(b.capacity) ? nlohmann::json(b.capacity) : nlohmann::json();
    levels.push_back(std::move(level));
  }
  if (roofs.machine.is_device) {
    return {
        {"machine", to_json(roofs.machine)}, {"fma_gflop_s", to_json(roofs.fma_all)}, {"bandwidth", levels}};
  }
  return {{"machine", to_json(roofs.machine)},
          {"fma_one_thread_gflop_s", to_json(roofs.fma_one)},
          {"fma_all_threads_gflop_s", to_json(roofs.fma_all)},
          {"core_round_trip_ns", roofs.core_round_trip_ns},
          {"bandwidth", levels}};
}

std::string roofs_text(const Roofs& roofs) {
  const Machine& machine = roofs.machine;
  std::string text = fmt::format("{}, {}, {} {}\nroofs: FMA ", machine.cpu, machine.instruction_set,
                                 machine.threads, machine.is_device ? "multiprocessors" : "threads");
  text += machine.is_device ? fmt::format("{:.0f} GFLOP/s", roofs.fma_all.best)
                            : fmt::format("{:.0f} GFLOP/s on one thread, {:.0f} on all", roofs.fma_one.best,
                                          roofs.fma_all.best);
  text += fmt::format(" (+-{:.0f} %)", 100.0 * roofs.fma_all.spread);
  text += "; read / copy GB/s:";
  for (const BandwidthRoof& b : roofs.bandwidth)
    text += fmt::format("{} {} {:.0f} / {:.0f}", b.level == roofs.bandwidth.front().level ? "\n      " : ",",
                        b.level, b.read.best, b.copy.best);
  if (roofs.core_round_trip_ns > 0.0)
    text += fmt::format("; core to core and back {:.0f} ns", roofs.core_round_trip_ns);
  return text + "\n";
}

}  // namespace primal
