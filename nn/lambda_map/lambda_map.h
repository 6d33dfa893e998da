// lambda_map: from the network's head to the regularisation map of TV.
//
//   Lambda[n,a,...] = f(head[n, channel[a], ...]),   f(h) = scale softplus(h)       where up_bound = 0
//                                                    f(h) = up_bound sigmoid(h)     where up_bound > 0
//
// There is one map for each differenced axis a, or a single one that all axes share (a picture: head channel
// 0). Several axes may use the same head channel (a sequence: x and y), and a head channel that no map uses
// gets no gradient.
//
// Shapes:   head [N,C,D,H,W] -> Lambda [N,n_maps,D,H,W].     Saved: Lambda.
// Adjoint:  grad_head[n,c,...] += sum over a with channel[a] = c of grad_Lambda[n,a,...] f'(h), where
//           f'(h) = scale (1 - exp(-Lambda/scale))   for scale softplus
//           f'(h) = Lambda (1 - Lambda/up_bound)     for up_bound sigmoid
// Errors:   ShapeError for a rank other than 5, a channel that head does not have, up_bound < 0, scale <= 0.
// Source:   A. Kofler et al., "Learning regularization parameter-maps for variational image reconstruction
//           using deep neural networks and algorithm unrolling", SIAM J. Imaging Sci. 16 (2023), section 3.
#pragma once

#include "autograd/variable.h"
#include "nn/lambda_map/lambda_map_params.h"
#include "tensor/op/op.h"

namespace primal {

Variable lambda_map(const Variable& head, const LambdaMapParams& params);

// 5 for each value of Lambda forward and 4 backward: an exp, a log or division, the sign, the scale.
PhaseCosts lambda_map_cost(const Shape& lambda);

OpInfo lambda_map_info();

}  // namespace primal
