// What a picture costs on its way from a file to a training step, at the sizes of the thesis.
//
//   PRIMAL_THREADS=1 build/release/bench/bench_data --benchmark_filter=ssim
//
// Every input is made here; no file is needed.
#include <benchmark/benchmark.h>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>

#include "data/metrics/metrics.h"
#include "data/noise/noise.h"
#include "data/noise_estimate/noise_estimate.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "data/safetensors/safetensors.h"

namespace primal {
namespace {

constexpr int64_t kSize = 256;  // of a training picture

void make_a_phantom(benchmark::State& state) {
  uint32_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(make_phantom(42, index++, kSize));
}
BENCHMARK(make_a_phantom)->Unit(benchmark::kMillisecond)->UseRealTime();

void decode_png(benchmark::State& state) {
  const std::vector<uint8_t> file = encode_png(to_image(make_phantom(42, 0, state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(decode_image(file, "bench"));
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(0));
}
BENCHMARK(decode_png)->Arg(512)->Unit(benchmark::kMillisecond);

void crop_resize_grey(benchmark::State& state) {
  const Image image = to_image(make_phantom(42, 0, state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(preprocess(image, kSize));
}
BENCHMARK(crop_resize_grey)->Arg(512)->Arg(2048)->Unit(benchmark::kMillisecond);

void relative_noise(benchmark::State& state) {
  const Tensor x = make_phantom(42, 0, kSize);
  uint32_t epoch = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(add_noise(x, NoiseKind::relative, 0.5, NoiseKey{42, epoch++, 0}));
}
BENCHMARK(relative_noise)->Unit(benchmark::kMillisecond)->UseRealTime();

// Estimates the noise of a picture in which every block counts, since none of it is texture.
void noise_estimate(benchmark::State& state) {
  const int64_t side = state.range(0);
  const Tensor z =
      add_noise(Tensor::full({1, 1, 1, side, side}, 0.5), NoiseKind::unclipped, 0.05, NoiseKey{});
  for (auto _ : state) benchmark::DoNotOptimize(estimate_noise(z));
}
BENCHMARK(noise_estimate)->Arg(512)->Arg(2048)->Unit(benchmark::kMillisecond)->UseRealTime();

const SsimParams kGaussian{.window = SsimParams::Window::gaussian};

// SSIM on one implementation, compared with the reference before it is timed.
void ssim_of(benchmark::State& state, const std::string& implementation, const SsimParams& params) {
  const Tensor clean = make_phantom(42, 0, kSize);
  const Tensor noisy = add_noise(clean, NoiseKind::relative, 0.5, NoiseKey{});
  double expected = 0.0;
  {
    const ImplementationScope reference("metrics", kReference);
    expected = ssim(clean, noisy, params);
  }
  const ImplementationScope forced("metrics", implementation);
  const double got = ssim(clean, noisy, params);
  if (!(std::abs(got - expected) <= 1e-12)) {
    return state.SkipWithError(fmt::format("is {}, the reference {}", got, expected).c_str());
  }
  for (auto _ : state) benchmark::DoNotOptimize(ssim(clean, noisy, params));
}

BENCHMARK_CAPTURE(ssim_of, separable_uniform, "separable", SsimParams{})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(ssim_of, reference_uniform, std::string(kReference), SsimParams{})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(ssim_of, separable_gaussian, "separable", kGaussian)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(ssim_of, reference_gaussian, std::string(kReference), kGaussian)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// A checkpoint of the thesis network: 1,796,034 parameters and both Adam moments.
TensorMap checkpoint() {
  constexpr int64_t kParameters = 1796034;
  return {{"weights", Tensor::full({kParameters}, 0.1)},
          {"adam.m", Tensor::full({kParameters}, 0.2)},
          {"adam.v", Tensor::full({kParameters}, 0.3)}};
}
void write_checkpoint(benchmark::State& state) {
  const TensorMap tensors = checkpoint();
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "primal_bench.safetensors";
  for (auto _ : state) write_safetensors(path, tensors, {{"step", "1"}});
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(3 * tensors.at("weights").bytes()));
  std::filesystem::remove(path);
}
BENCHMARK(write_checkpoint)->Unit(benchmark::kMillisecond)->UseRealTime();

void read_checkpoint(benchmark::State& state) {
  const TensorMap tensors = checkpoint();
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "primal_bench.safetensors";
  write_safetensors(path, tensors);
  for (auto _ : state) benchmark::DoNotOptimize(Safetensors::read(path).tensors());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(3 * tensors.at("weights").bytes()));
  std::filesystem::remove(path);
}
BENCHMARK(read_checkpoint)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace primal
