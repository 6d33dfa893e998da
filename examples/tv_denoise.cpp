// Total-variation denoising with one lambda: picture -> tensor -> PDHG -> picture.
//
//   tv_denoise noisy.png 0.07 denoised.png
#include <cstdio>
#include <cstdlib>
#include <primal/data/image/image.h>
#include <primal/data/preprocess/preprocess.h>
#include <primal/solvers/pdhg/pdhg.h>
#include <primal/tensor/error.h>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: tv_denoise NOISY.png LAMBDA DENOISED.png\n", stderr);
    return 2;
  }
  try {
    const primal::Image picture = primal::read_image(argv[1]);
    const primal::Tensor z = primal::to_tensor(primal::to_grey(picture));  // [1,1,1,H,W] in [0,1]
    const primal::Tensor lambda = primal::Tensor::scalar(std::atof(argv[2]));
    const primal::Tensor x = primal::pdhg_solve(z, lambda, {.n_iter = 256});
    primal::write_png(argv[3], primal::to_image(x, picture.bit_depth));
  } catch (const primal::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
