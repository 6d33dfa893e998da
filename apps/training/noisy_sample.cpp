#include "apps/training/noisy_sample.h"

#include "data/noise_estimate/noise_estimate.h"
#include "tensor/random.h"

namespace primal {
namespace {

double sigma_of(const TrainConfig& config, const PictureSource& source, const Tensor& z) {
  if (source.sigma) return *source.sigma;
  const TrainConfig::Training& training = config.training;
  if (training.sigma > 0.0) return training.sigma;
  if (training.estimate_sigma || !draws_noise(config)) return estimate_noise(z).sigma;
  const bool relative = parse_noise_kind(config.noise.kind) == NoiseKind::relative;
  return relative ? source.level * sample_deviation(source.picture) : source.level;
}

// z + eps b
Tensor moved_along(const Tensor& z, const Tensor& b, double eps) {
  const Tensor at_home = z.to(Device{}), moved = Tensor::empty(z.shape(), z.dtype());
  const auto step = static_cast<float>(eps);
  for (int64_t i = 0; i < z.numel(); ++i)
    moved.data<float>()[i] = at_home.data<float>()[i] + step * b.data<float>()[i];
  return moved.to(z.device());
}

void add_probe(const TrainConfig& config, const PictureSource& source, TensorMap& sample) {
  const Tensor& z = sample.at("noisy");
  const double sigma = sigma_of(config, source, z);
  const double eps = config.training.probe_step * (sigma > 0.0 ? sigma : 1.0);
  const Tensor b = Tensor::empty(z.shape(), z.dtype());
  RandomStream(source.key.seed, RandomPurpose::probe, source.key.epoch, source.key.sample).fill_signs(b);
  sample["moved"] = moved_along(z, b, eps);
  sample["probe"] = b.to(z.device());
  sample["sigma"] = Tensor::full({1}, sigma, z.dtype(), z.device());
  sample["eps"] = Tensor::full({1}, eps, z.dtype(), z.device());
}

}  // namespace

TensorMap noisy_sample(const TrainConfig& config, DenoisingLoss loss, const PictureSource& source) {
  const NoiseKind kind = parse_noise_kind(config.noise.kind);
  const bool is_drawn = !source.partner.defined() && (loss == DenoisingLoss::mse || draws_noise(config));
  TensorMap sample;
  sample["noisy"] = source.partner.defined() ? source.partner
                    : is_drawn               ? add_noise(source.picture, kind, source.level, source.key)
                                             : source.picture;
  if (loss == DenoisingLoss::mse) sample["clean"] = source.picture;
  if (loss == DenoisingLoss::noise2noise) {
    const NoiseKey& key = source.key;
    const RandomStream stream(key.seed, RandomPurpose::second_noise, key.epoch, key.sample);
    sample["second"] = is_drawn ? add_noise(source.picture, kind, source.level, stream) : source.picture;
  }
  if (loss == DenoisingLoss::sure) add_probe(config, source, sample);
  return sample;
}

}  // namespace primal
