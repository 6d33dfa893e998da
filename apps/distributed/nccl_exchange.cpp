#include "apps/distributed/nccl_exchange.h"

#include <algorithm>

#include "apps/distributed/nccl_ranks.h"

namespace primal {
namespace {

constexpr size_t kPieceFloats = 4;  // the size of a piece is a multiple of this

template <class T>
std::vector<std::span<T>> spans_of(std::span<const Tensor> tensors) {
  std::vector<std::span<T>> spans;
  for (const Tensor& tensor : tensors) spans.push_back(tensor.device_span<T>());
  return spans;
}

class NcclExchange final : public GradientExchange {
 public:
  NcclExchange(const cuda::NcclApi& nccl, Communicator& ranks, Device device, const RankSumKernels& kernels,
               const std::vector<size_t>& sizes)
      : exec_(exec_on(device)),
        kernels_(kernels),
        n_ranks_(static_cast<size_t>(ranks.size())),
        rank_(static_cast<size_t>(ranks.rank())),
        nccl_(nccl, ranks, device) {
    for (const size_t n : sizes) {
      const size_t piece = ((n + n_ranks_ - 1) / n_ranks_ + kPieceFloats - 1) / kPieceFloats * kPieceFloats;
      buckets_.push_back(Tensor::zeros({static_cast<int64_t>(piece * n_ranks_)}, DType::f32, device));
    }
    const auto largest = std::ranges::max_element(buckets_, {}, &Tensor::numel);
    if (largest == buckets_.end()) return;
    received_ = Tensor::empty(largest->shape(), DType::f32, device);
    connect();
  }

  void begin(size_t b, std::span<const Tensor> gradients) override {
    kernels_.pack(exec_, spans_of<const float>(gradients), buckets_.at(b).device_span<float>());
    delayed_.push_back(b);
    if (!is_first_step_) send_delayed();
  }
  void advance() override {}
  void finish(size_t b, std::span<const Tensor> gradients) override {
    send_delayed();
    nccl_.stream().let_device_wait(b);
    kernels_.unpack(exec_, buckets_.at(b).device_span<const float>(), spans_of<float>(gradients));
  }
  void wait() override {
    nccl_.wait(last_);
    is_first_step_ = false;
  }
  void abandon() noexcept override { nccl_.abandon(); }

 private:
  // NCCL connects two devices at the first message of a kind between them, and that call waits for the other
  // rank. Adding zeros before the first step makes all connections at once.
  void connect() {
    for (size_t b = 0; b < buckets_.size(); ++b) sum(b);
    nccl_.wait(last_);
  }

  void send_delayed() {
    for (const size_t b : delayed_) sum(b);
    delayed_.clear();
  }

  void sum(size_t b) {
    const std::span<float> bucket = buckets_.at(b).device_span<float>();
    nccl_.stream().wait_for_device();
    reduce_scatter(bucket);
    nccl_.all_gather(bucket);
    nccl_.stream().mark(b);
    last_ = b;
    const size_t sent = 2 * (bucket.size() - bucket.size() / n_ranks_);
    nccl_.ranks().count_sent(static_cast<int64_t>(sent * sizeof(float)));
  }

  // The piece of this rank becomes the sum.
  void reduce_scatter(std::span<float> bucket) {
    const size_t n = bucket.size() / n_ranks_;
    const std::span<float> received = received_.device_span<float>().first(bucket.size());
    std::vector<NcclRanks::Message> messages;
    for (size_t r = 0; r < n_ranks_; ++r) {
      if (r == rank_) continue;
      messages.push_back({static_cast<int>(r), bucket.subspan(r * n, n), true});
      messages.push_back({static_cast<int>(r), received.subspan(r * n, n), false});
    }
    if (!messages.empty()) nccl_.exchange(messages);
    const SideStream::Use use(nccl_.stream());
    kernels_.add(exec_, received, static_cast<int>(n_ranks_), static_cast<int>(rank_),
                 bucket.subspan(rank_ * n, n));
  }

  const Exec exec_;
  const RankSumKernels& kernels_;
  const size_t n_ranks_, rank_;
  std::vector<Tensor> buckets_;  // [P, piece] each
  Tensor received_;              // of the bucket whose turn it is on the side stream
  NcclRanks nccl_;               // destroyed first, since its work uses the other members
  size_t last_ = 0;              // the bucket that was sent last
  std::vector<size_t> delayed_;  // buckets that are packed but not sent yet
  bool is_first_step_ = true;
};

}  // namespace

const RankSumKernels& rank_sum_kernels_on([[maybe_unused]] Device device) {
#if PRIMAL_HAS_CUDA
  if (device.kind == Device::Kind::cuda) return cuda::rank_sum_kernels;
#endif
  return simt::rank_sum_kernels;
}

MakeExchange over_nccl(const cuda::NcclApi& nccl, Device device, const RankSumKernels& kernels) {
  return [&nccl, device, &kernels](Communicator& ranks, const std::vector<size_t>& sizes) {
    return std::make_unique<NcclExchange>(nccl, ranks, device, kernels, sizes);
  };
}

}  // namespace primal
