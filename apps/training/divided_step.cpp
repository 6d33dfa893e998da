#include "apps/training/divided_step.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>

#include "apps/distributed/all_reduce.h"
#include "autograd/gradient_ready.h"
#include "tensor/range.h"

namespace primal {
namespace {

// FNV-1a over words of 8 bytes; what is left of them is filled with zeros.
void digest(uint64_t& sum, const Tensor& tensor) {
  const Tensor here = tensor.to(Device{});
  const auto* const bytes = static_cast<const char*>(here.raw());
  for (size_t i = 0; i < here.bytes(); i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof word, here.bytes() - i));
    sum = (sum ^ word) * 0x100000001b3;
  }
}

uint64_t digest_of(const TensorMap& tensors, uint64_t sum = 0xcbf29ce484222325) {
  for (const auto& [name, tensor] : tensors) digest(sum, tensor);
  return sum;
}

// The rows of all ranks, in their order; on the device of `own`.
BatchGather::Gathered gather_rows(Communicator& ranks, const Tensor& own) {
  const Tensor here = own.to(Device{});
  const auto* const bytes = static_cast<const std::byte*>(here.raw());
  const std::vector<int64_t> rows = ranks.all_gather_value(own.size(0));
  const auto begin = std::accumulate(rows.begin(), rows.begin() + ranks.rank(), int64_t{0});
  const Tensor all =
      Tensor::empty(own.shape().with(0, std::accumulate(rows.begin(), rows.end(), int64_t{0})), own.dtype());
  const std::vector<ConstBytes> out(static_cast<size_t>(ranks.size()), ConstBytes(bytes, here.bytes()));
  std::vector<Bytes> in;
  auto* to = static_cast<std::byte*>(all.raw());
  const size_t row_bytes = here.bytes() / static_cast<size_t>(own.size(0));
  for (const int64_t n : rows) {
    in.emplace_back(to, row_bytes * static_cast<size_t>(n));
    to += in.back().size();
  }
  ranks.wait(*ranks.start(out, in, ranks.take_number()));
  return {all.to(own.device()), begin};
}

bool has_batch_norm(const Module& model) {
  return std::ranges::any_of(model.buffers(),
                             [](const auto& b) { return b.first.ends_with("running_mean"); });
}

}  // namespace

size_t DividedStep::bucket_bytes(int64_t ranks) {
  return std::max(kBucketBytes, (size_t{16} << 10) * static_cast<size_t>(ranks));
}

DividedStep::DividedStep(Communicator* ranks, const Module& model, const MakeExchange& make_exchange,
                         size_t bucket_bytes)
    : ranks_(ranks), model_(model) {
  if (ranks == nullptr) return;
  if (bucket_bytes == 0) bucket_bytes = DividedStep::bucket_bytes(ranks->size());
  for (const auto& [name, parameter] : model.parameters()) parameters_.push_back(parameter);
  bucket_of_.resize(parameters_.size());
  for (size_t i = parameters_.size(); i-- > 0;) {  // backward comes to the last ones first
    if (buckets_.empty() || buckets_.back().n * sizeof(float) >= bucket_bytes) buckets_.emplace_back();
    buckets_.back().parameters.push_back(i);
    buckets_.back().n += static_cast<size_t>(parameters_[i].value().numel());
    bucket_of_[i] = buckets_.size() - 1;
  }
  std::vector<size_t> sizes;
  for (const Bucket& bucket : buckets_) sizes.push_back(bucket.n);
  exchange_ = make_exchange(*ranks, sizes);
}

std::vector<int64_t> DividedStep::bucket_sizes() const {
  std::vector<int64_t> sizes;
  for (const Bucket& bucket : buckets_) sizes.push_back(static_cast<int64_t>(bucket.n));
  return sizes;
}

BatchGather DividedStep::gather_batches() const {
  return {[this](const Tensor& own) { return gather_rows(*ranks_, own); }, ranks_->is_first()};
}

void DividedStep::check_batch(int64_t batch, int64_t n_samples) const {
  if (!is_divided()) return;
  const int64_t n = std::min(batch, n_samples), last = n_samples % batch;
  if (n >= ranks_->size()) {
    if (last == 0 || last >= ranks_->size() || !has_batch_norm(model_)) return;
    throw ConfigError(
        "[ranks] the last batch of an epoch has {} of {} pictures, and batch normalisation needs one on each "
        "of {} ranks: choose data.n_train as a multiple of training.batch={}",
        last, batch, ranks_->size(), batch);
  }
  throw ConfigError(
      "[ranks] {} ranks, but a step has only {} picture{} (training.batch={}, {} training pictures): start "
      "at most {} rank{}, or raise training.batch",
      ranks_->size(), n, n == 1 ? "" : "s", batch, n_samples, n, n == 1 ? "" : "s");
}

std::vector<int64_t> DividedStep::own_part(const std::vector<int64_t>& samples) const {
  if (!is_divided()) return samples;
  const auto [begin, end] = part_range(std::ssize(samples), ranks_->size(), ranks_->rank());
  return {samples.begin() + begin, samples.begin() + end};
}

void DividedStep::begin(int64_t step) const {
  if (is_divided()) ranks_->set_step(step);
}

Variable DividedStep::forward(const std::function<Variable()>& make_loss) const {
  if (!is_divided()) return make_loss();
  const BatchGather scope = gather_batches();
  return make_loss();
}

void DividedStep::backward(const Variable& loss, int64_t n_own, int64_t n) {
  if (!is_divided()) return loss.backward();
  n_sent_ = 0;
  for (Bucket& bucket : buckets_) {
    bucket.n_open = bucket.parameters.size();
  }
  if (n_own == 0) return;
  const BatchGather scope = gather_batches();
  const GradientReady watch(parameters_, [&](size_t parameter) { complete(parameter); });
  loss.backward(Tensor::full(loss.shape(), static_cast<double>(n_own) / static_cast<double>(n), loss.dtype(),
                             loss.device()));
}

void DividedStep::complete(size_t parameter) {
  if (!overlaps_) return;
  --buckets_[bucket_of_[parameter]].n_open;
  send_complete_buckets();
  const Range range("ranks.advance");
  exchange_->advance();
}

// In the order of the buckets, so that every rank starts the same exchanges.
void DividedStep::send_complete_buckets() {
  for (; n_sent_ < buckets_.size() && buckets_[n_sent_].n_open == 0; ++n_sent_) {
    const Range range("ranks.send_gradients");
    exchange_->begin(n_sent_, gradients_of(buckets_[n_sent_]));
  }
}

std::vector<Tensor> DividedStep::gradients_of(const Bucket& bucket) const {
  std::vector<Tensor> gradients;
  for (const size_t i : bucket.parameters) {
    const Variable& parameter = parameters_[i];
    // A rank without a sample has no gradients in the first step.
    if (!parameter.grad().defined())
      parameter.backward(Tensor::zeros(parameter.shape(), parameter.dtype(), parameter.device()));
    gradients.push_back(parameter.grad());
  }
  return gradients;
}

void DividedStep::sum_gradients() {
  if (!is_divided()) return;
  const Range range("ranks.sum_gradients");
  // Those of parameters that the loss does not depend on are zero.
  for (Bucket& bucket : buckets_) bucket.n_open = 0;
  send_complete_buckets();
  for (size_t b = 0; b < buckets_.size(); ++b) exchange_->finish(b, gradients_of(buckets_[b]));
}

DividedStep::Agreed DividedStep::agree(double own_loss, int64_t n_own, int64_t n, int signal) const {
  if (!is_divided()) return {own_loss, signal};
  Agreed all{0.0, 0};
  for (const Agreed& own : ranks_->all_gather_value(Agreed{own_loss * static_cast<double>(n_own), signal})) {
    all.loss += own.loss;
    all.signal = std::max(all.signal, own.signal);
  }
  all.loss /= static_cast<double>(n);
  exchange_->wait();
  return all;
}

void DividedStep::abandon() noexcept {
  if (is_divided()) exchange_->abandon();
}

int DividedStep::agree_on_signal(int own) const {
  return is_divided() ? std::ranges::max(ranks_->all_gather_value(own)) : own;
}

bool DividedStep::as_first_decides(bool own) const {
  return is_divided() ? ranks_->all_gather_value(static_cast<char>(own)).front() != 0 : own;
}

void DividedStep::check_same_state(const Adam& adam) const {
  if (!is_divided()) return;
  const std::vector<uint64_t> digests =
      ranks_->all_gather_value(digest_of(adam.state(), digest_of(model_.state())));
  for (int r = 1; r < ranks_->size(); ++r) {
    if (digests[static_cast<size_t>(r)] == digests.front()) continue;
    throw DeviceError(
        "[ranks] step {}: the weights of {} differ from those of {}: the ranks must read the same files and "
        "run on processors with the same instruction set",
        ranks_->step(), ranks_->name_of(r), ranks_->name_of(0));
  }
}

}  // namespace primal
