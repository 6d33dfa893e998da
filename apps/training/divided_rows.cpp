#include "apps/training/divided_rows.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "apps/distributed/all_reduce.h"

namespace primal {
namespace {

// Rows as numbers: the length of each, then its values.
std::vector<double> flat(const Rows& rows) {
  std::vector<double> all;
  for (const std::vector<double>& row : rows) {
    all.push_back(static_cast<double>(row.size()));
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

void append(Rows& rows, const std::vector<std::byte>& bytes) {
  std::vector<double> all(bytes.size() / sizeof(double));
  if (!all.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
  for (auto at = all.begin(); at != all.end();) {
    const auto length = static_cast<std::ptrdiff_t>(*at++);
    rows.emplace_back(at, at + length);
    at += length;
  }
}

}  // namespace

std::optional<Rows> divided_rows(Communicator* ranks, int64_t n, const std::function<bool()>& keep_going,
                                 const std::function<std::vector<double>(int64_t)>& row) {
  const auto [begin, end] =
      ranks == nullptr ? std::pair<int64_t, int64_t>{0, n} : part_range(n, ranks->size(), ranks->rank());
  Rows own;
  bool complete = true;
  for (int64_t i = begin; i < end && complete; ++i) {
    complete = keep_going();
    if (complete) own.push_back(row(i));
  }
  if (ranks == nullptr) return complete ? std::optional(std::move(own)) : std::nullopt;
  if (std::ranges::count(ranks->all_gather_value(static_cast<char>(complete)), 0) > 0) return {};
  Rows all;
  for (const std::vector<std::byte>& bytes :
       ranks->all_gather(std::as_bytes(std::span<const double>(flat(own)))))
    append(all, bytes);
  return all;
}

Metrics summaries(const Rows& rows, size_t first, size_t n) {
  Metrics metrics;
  for (size_t column = first; column < first + n; ++column) {
    std::vector<double> values;
    for (const std::vector<double>& row : rows) values.push_back(row.at(column));
    metrics.push_back(summarise_scores(values));
  }
  return metrics;
}

}  // namespace primal
