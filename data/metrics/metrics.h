// Metrics: how close a picture is to the clean one. All in double, on unclipped values, R the data range.
//
//   mse(a, b)   mean of (a - b)^2 over all elements
//   psnr(a, b)  10 log10(R^2 / mse), in dB; infinity where the pictures are equal
//               (score_summary.h has the rule for means)
//   ssim(a, b)  mean over the pixels whose window lies inside the picture of
//                 (2 ma mb + c1) (2 cab + c2) / ((ma^2 + mb^2 + c1) (ca + cb + c2))
//               c1 = (0.01 R)^2, c2 = (0.03 R)^2; ma, mb the means, ca, cb, cab the variances and the
//               covariance in the window around the pixel, these three times a factor:
//     uniform   n x n weights 1 / n^2, factor n^2 / (n^2 - 1) (sample covariance): scikit-image's default,
//               n = 7
//     gaussian  2 r + 1 wide, r = int(truncate sigma + 1/2), weights ~ exp(-t^2 / (2 sigma^2)), factor 1
// Shapes:  a, b [..., H, W], equal; f32 or f64, on one device (f32 on others than the CPU), for whose sums
//          the host waits. ssim is the mean over the pictures in the leading axes.
// Errors:  ShapeError for unequal or empty tensors, a data range not above 0, an even window, a picture
//          smaller than the window.
// Source:  Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE
//          TIP 2004; scikit-image 0.19, skimage.metrics.structural_similarity.
#pragma once

#include "tensor/op/op.h"
#include "tensor/tensor.h"

namespace primal {

struct SsimParams {
  enum class Window { uniform, gaussian };
  Window window = Window::uniform;
  int64_t size = 7;       // uniform: n
  double sigma = 1.5;     // gaussian
  double truncate = 3.5;  // gaussian
  double data_range = 1.0;

  int64_t radius() const;  // r, where the window is 2 r + 1 wide
};

double mse(const Tensor& a, const Tensor& b);
double psnr(const Tensor& a, const Tensor& b, double data_range = 1.0);
double ssim(const Tensor& a, const Tensor& b, const SsimParams& params = {});
double ssim_gaussian(const Tensor& a, const Tensor& b, double data_range = 1.0);

// The golden op: inputs a, b; attrs data_range, ssim_window, ssim_gaussian_sigma, ssim_gaussian_truncate;
// outputs mse, psnr, ssim, ssim_gaussian, each allowed 1e-5.
OpInfo metrics_info();

}  // namespace primal
