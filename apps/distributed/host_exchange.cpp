#include "apps/distributed/host_exchange.h"

#include <algorithm>

#include "apps/distributed/all_reduce.h"

namespace primal {
namespace {

class HostExchange final : public GradientExchange {
 public:
  HostExchange(Communicator& ranks, const std::vector<size_t>& sizes) {
    for (const size_t n : sizes) {
      buckets_.push_back(std::make_unique<Bucket>(n));
      Bucket& bucket = *buckets_.back();
      bucket.sum = std::make_unique<AllReduce>(ranks, std::span(bucket.values));
    }
  }

  void begin(size_t b, std::span<const Tensor> gradients) override {
    Bucket& bucket = *buckets_.at(b);
    auto to = bucket.values.begin();
    for (const Tensor& gradient : gradients) {
      const Tensor here = gradient.to(Device{});
      to = std::ranges::copy(here.span<const float>(), to).out;
    }
    bucket.sum->begin();
    bucket.is_under_way = true;
  }
  void advance() override {
    for (const std::unique_ptr<Bucket>& bucket : buckets_) {
      if (bucket->is_under_way) bucket->sum->advance();
    }
  }
  void finish(size_t b, std::span<const Tensor> gradients) override {
    Bucket& bucket = *buckets_.at(b);
    bucket.sum->finish();
    bucket.is_under_way = false;
    std::span<const float> rest(bucket.values);
    for (const Tensor& gradient : gradients) {
      const auto n = static_cast<size_t>(gradient.numel());
      gradient.copy_from(Tensor::from<float>(gradient.shape(), rest.first(n)));
      rest = rest.subspan(n);
    }
  }
  void wait() override {}
  void abandon() noexcept override {}

 private:
  struct Bucket {
    explicit Bucket(size_t n) : values(n) {}
    std::vector<float> values;
    std::unique_ptr<AllReduce> sum;  // of the values
    bool is_under_way = false;
  };
  std::vector<std::unique_ptr<Bucket>> buckets_;
};

}  // namespace

std::unique_ptr<GradientExchange> through_host(Communicator& ranks, const std::vector<size_t>& sizes) {
  return std::make_unique<HostExchange>(ranks, sizes);
}

}  // namespace primal
