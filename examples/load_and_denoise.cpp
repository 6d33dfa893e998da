// A trained model from a file, a picture, and the map that the model makes for it.
//
//   load_and_denoise runs/thesis/best.safetensors noisy.png denoised.png map.png
#include <cstdio>
#include <primal/data/figure/figure.h>
#include <primal/model/denoise.h>
#include <primal/model/model_file.h>
#include <primal/tensor/error.h>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: load_and_denoise MODEL.safetensors NOISY.png DENOISED.png MAP.png\n", stderr);
    return 2;
  }
  try {
    const auto model = primal::load_model(argv[1]);
    const auto [picture, lambda] = primal::denoise(*model, primal::read_image(argv[2]));
    primal::write_png(argv[3], picture);
    const primal::Panel panel{"log scale", primal::Picture::log_map(lambda, "Lambda")};
    primal::write_figure(argv[4], {.rows = {{panel}}});
    std::printf("%lld filters, %lld iterations\n", static_cast<long long>(model->options().unet.filters),
                static_cast<long long>(model->options().n_iter));
  } catch (const primal::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
