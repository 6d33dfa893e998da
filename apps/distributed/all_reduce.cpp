#include "apps/distributed/all_reduce.h"

namespace primal {

std::pair<int64_t, int64_t> part_range(int64_t n, int64_t parts, int64_t r) {
  return {n * r / parts, n * (r + 1) / parts};
}

AllReduce::AllReduce(Communicator& ranks, std::span<float> values) : ranks_(ranks), values_(values) {
  const size_t own = piece(ranks.rank()).size();
  received_.resize(own * static_cast<size_t>(ranks.size()));
  std::vector<ConstBytes> out;
  std::vector<Bytes> in;
  for (int r = 0; r < ranks.size(); ++r) {
    out.push_back(std::as_bytes(piece(r)));
    in.push_back(std::as_writable_bytes(std::span(received_).subspan(own * static_cast<size_t>(r), own)));
  }
  scatter_ = ranks.start(out, in, ranks.take_number());
  gather_number_ = ranks.take_number();
}

std::span<float> AllReduce::piece(int rank) const {
  const auto [begin, end] = part_range(std::ssize(values_), ranks_.size(), rank);
  return values_.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

void AllReduce::add_and_gather() {
  const std::span<float> own = piece(ranks_.rank());
  for (size_t i = 0; i < own.size(); ++i) {
    double sum = 0.0;
    for (size_t r = 0; r < static_cast<size_t>(ranks_.size()); ++r) sum += received_[r * own.size() + i];
    own[i] = static_cast<float>(sum);
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
