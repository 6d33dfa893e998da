// SureLoss: the mean squared error of a denoiser, estimated without the clean picture (Stein's unbiased
// risk estimate, by one probe)
//
//   z = x + sigma n                  the noisy picture; x is not known, n is normal with mean 0 and
//                                    deviation 1, independent from pixel to pixel
//   f = f(z),  h = f(z + eps b)      the denoiser, twice;
//                                    b independent, mean 0, deviation 1: signs, say
//   y = 1/n sum over i of ( (f[i] - z[i])^2 - sigma^2 + 2 sigma^2 / eps  b[i] (h[i] - f[i]) )
//
//   E[y] = E[1/n sum (f[i] - x[i])^2] as eps -> 0: b . (h - f) / eps is the divergence of f along b, whose
//   mean over b is sum of df_i/dz_i
//
// Shapes:   f, h, z, b alike, [N,..]; sigma and eps [N] (one for each picture) or [1] (one for
//           all) -> y [] (a scalar).
//           n counts the elements of all pictures. All of one type. The sum runs in double, in
//           chunks added in their order.
// Units:    sigma and eps in the unit of z, y in its square.
// Saved:    f, z, b, sigma, eps, which are handles, not copies.
// Adjoint:  grad_f += (2/n (f - z) - 2 sigma^2 / (n eps) b) grad_y,   grad_h += 2 sigma^2 / (n eps) b grad_y
//           z, b, sigma and eps are constants.
// Throws ShapeError for tensors that differ in shape or type, for no elements, and for sigma or eps of
// another length; NumericError for sigma < 0 or eps <= 0 on the CPU. y may be negative: it is an estimate.
// Source:   C. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Statist. 9
//           (1981); S. Ramani, T. Blu, M. Unser, "Monte-Carlo SURE", IEEE TIP 17 (2008), equation 14;
//           S. Soltanayev, S. Y. Chun, "Training deep learning based denoisers without ground truth data",
//           NeurIPS 2018, equation 10.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

struct SureInputs {
  Tensor z, b;        // as f
  Tensor sigma, eps;  // [N] or [1]
};
Variable sure_loss(const Variable& f, const Variable& h, const SureInputs& inputs);

// Each element: two differences, three products, three sums; backward in its two parts.
PhaseCosts sure_loss_cost(const Shape& f);

OpInfo sure_loss_info();

}  // namespace primal
