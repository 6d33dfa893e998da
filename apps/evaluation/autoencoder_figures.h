// What an evaluation shows of an autoencoder.
//
//   pictures           clean, noisy and denoised pictures, a column for each of the first few
//   pixel_values       histograms of the grey values of the first picture: clean, noisy, denoised
// with a latent vector (nn/mnist_autoencoder):
//   latent_vectors     those of the same pictures, each as 4 rows of values
//   pca                pictures and latent vectors in their first two principal components
//                      (data/embedding/pca.h)
//   tsne               latent vectors of the first n_tsne pictures in the plane (data/embedding/tsne.h)
// where the data have classes (MNIST's labels), the dots have a colour for each, and there is
//   classes            how many pictures each class has
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/training/task.h"
#include "data/figure/figure.h"
#include "model/autoencoder.h"

namespace primal {

struct ShownPictures {
  std::vector<Tensor> clean, noisy, denoised;  // each [1,1,1,H,W]
  std::vector<uint8_t> classes;                // of each, or empty
};

struct AutoencoderFigureSettings {
  int64_t n_tsne =
      1797;  // 0: none; at most kMaxTsnePoints. Nor where the pictures are fewer than 3 perplexity + 1
  double perplexity = 30.0;
  uint64_t seed = 42;
  std::function<bool(int iteration, double divergence)> progress = {};  // of t-SNE; false stops it there
};

// How many of the first pictures these figures can use, so that no more are kept: those with a latent vector
// (of 28x28 pixels) use many as dots.
int64_t n_shown_pictures(const Autoencoder& model);

std::vector<NamedFigure> autoencoder_figures(const Autoencoder& model, const ShownPictures& pictures,
                                             const AutoencoderFigureSettings& settings);

}  // namespace primal
