// A training loop: a small unrolled model learns to denoise phantoms. Writes the model, which
// load_and_denoise and `primal denoise` read, and a noisy picture that it has not seen.
//
//   train_loop model.safetensors noisy.png
#include <cstdio>
#include <primal/data/metrics/metrics.h>
#include <primal/data/noise/noise.h>
#include <primal/data/phantom/phantom.h>
#include <primal/data/preprocess/preprocess.h>
#include <primal/model/model_file.h>
#include <primal/model/model_options.h>
#include <primal/nn/adam/adam.h>
#include <primal/nn/mse_loss/mse_loss.h>
#include <primal/tensor/error.h>

using namespace primal;

namespace {

constexpr int64_t kSize = 48;
constexpr int kSteps = 120;
constexpr double kNoise = 0.5;  // of each picture's own deviation

Tensor noisy(const Tensor& clean, uint32_t picture) {
  return add_noise(clean, NoiseKind::relative, kNoise, NoiseKey{.seed = 7, .sample = picture});
}

double train(const char* model_file, const char* picture_file) {
  Initialiser init(7);
  const UnrolledTv model(model_options(ModelSettings{.filters = 4, .blocks = 1, .iterations = 32}), init);
  Adam adam(model.parameters(), {.lr = 3e-3});
  for (uint32_t step = 0; step < kSteps; ++step) {
    const Tensor clean = make_phantom(7, step, kSize);
    const Variable loss = mse_loss(model.forward(noisy(clean, step)).denoised, clean);
    adam.zero_grad();
    loss.backward();
    adam.step();
    if (step % 20 == 0) std::printf("step %3u  loss %.6f\n", step, loss.value().item());
  }
  save_model(model_file, model);

  const NoGrad no_grad;  // from here on nothing is recorded
  const Tensor clean = make_phantom(7, kSteps, kSize), z = noisy(clean, kSteps);
  write_png(picture_file, to_image(z));
  const double before = psnr(z, clean), after = psnr(model.forward(z).denoised.value(), clean);
  std::printf("a new picture: noisy %.2f dB, denoised %.2f dB\n", before, after);
  return after - before;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: train_loop MODEL.safetensors NOISY.png\n", stderr);
    return 2;
  }
  try {
    return train(argv[1], argv[2]) > 0.0 ? 0 : 6;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
