#include "apps/distributed/all_reduce.h"

#include <algorithm>
#include <array>

namespace primal {

std::pair<int64_t, int64_t> part_range(int64_t n, int64_t parts, int64_t r) {
  return {n * r / parts, n * (r + 1) / parts};
}

AllReduce::AllReduce(Communicator& ranks, std::span<float> values) : ranks_(ranks), values_(values) {
  received_.resize(piece(ranks.rank()).size() * static_cast<size_t>(ranks.size()));
}

void AllReduce::begin() {
  const size_t own = piece(ranks_.rank()).size();
  std::vector<ConstBytes> out;
  std::vector<Bytes> in;
  for (int r = 0; r < ranks_.size(); ++r) {
    out.push_back(std::as_bytes(piece(r)));
    in.push_back(std::as_writable_bytes(std::span(received_).subspan(own * static_cast<size_t>(r), own)));
  }
  gather_.reset();
  scatter_ = ranks_.start(out, in, ranks_.take_number());
  gather_number_ = ranks_.take_number();
}

std::span<float> AllReduce::piece(int rank) const {
  const auto [begin, end] = part_range(std::ssize(values_), ranks_.size(), rank);
  return values_.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

void AllReduce::add_and_gather() {
  const std::span<float> own = piece(ranks_.rank());
  // In blocks that stay in the cache, so that the loops over one rank's numbers are vectors.
  std::array<double, 512> sums;
  for (size_t begin = 0; begin < own.size(); begin += sums.size()) {
    const size_t n = std::min(sums.size(), own.size() - begin);
    sums.fill(0.0);
    for (size_t r = 0; r < static_cast<size_t>(ranks_.size()); ++r) {
      const float* const from = received_.data() + r * own.size() + begin;
      for (size_t i = 0; i < n; ++i) sums[i] += from[i];
    }
    for (size_t i = 0; i < n; ++i) own[begin + i] = static_cast<float>(sums[i]);
  }
  const std::vector<ConstBytes> out(static_cast<size_t>(ranks_.size()), std::as_bytes(own));
  std::vector<Bytes> in;
  for (int r = 0; r < ranks_.size(); ++r) in.push_back(std::as_writable_bytes(piece(r)));
  gather_ = ranks_.start(out, in, gather_number_);
}

void AllReduce::advance() {
  if (gather_ == nullptr) {
    if (!scatter_->done()) return;
    add_and_gather();
  }
  gather_->done();
}

void AllReduce::finish() {
  if (gather_ == nullptr) {
    ranks_.wait(*scatter_);
    add_and_gather();
  }
  ranks_.wait(*gather_);
}

}  // namespace primal
