#include "apps/ops/register_ops.h"

#include "apps/ops/grid_search_op.h"
#include "apps/ops/kofler_dynamic_op.h"
#include "data/metrics/metrics.h"
#include "data/preprocess/preprocess.h"
#include "nn/activation/activation.h"
#include "nn/adam/adam.h"
#include "nn/batch_norm/batch_norm.h"
#include "nn/casting_autoencoder/casting_autoencoder.h"
#include "nn/casting_classifier/casting_classifier.h"
#include "nn/concat/concat.h"
#include "nn/conv3d/conv3d.h"
#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"
#include "nn/conv_transpose3d/conv_transpose3d.h"
#include "nn/cross_entropy/cross_entropy.h"
#include "nn/dropout/dropout.h"
#include "nn/lambda_map/lambda_map.h"
#include "nn/learnt_steps/learnt_steps.h"
#include "nn/linear/linear.h"
#include "nn/lpips/lpips.h"
#include "nn/max_pool3d/max_pool3d.h"
#include "nn/mnist_autoencoder/mnist_autoencoder.h"
#include "nn/mse_loss/mse_loss.h"
#include "nn/pad3d/pad3d.h"
#include "nn/reshape/reshape.h"
#include "nn/scale/scale.h"
#include "nn/softmax/softmax.h"
#include "nn/sure_loss/sure_loss.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "nn/upsample3d/upsample3d.h"
#include "solvers/boundary/boundary.h"
#include "solvers/difference/difference.h"
#include "solvers/pdhg/pdhg.h"

namespace primal {
namespace {

OpRegistry register_ops() {
  OpRegistry ops;
  ops.add(gradient_info());
  ops.add(gradient_adjoint_info());
  ops.add(symmetric_boundary_info());
  ops.add(pdhg_info());
  ops.add(relu_info());
  ops.add(leaky_relu_info());
  ops.add(sigmoid_info());
  ops.add(softplus_info());
  ops.add(scale_info());
  ops.add(learnt_steps_info());
  ops.add(lambda_map_info());
  ops.add(conv3d_info());
  ops.add(conv3d_leaky_relu_info());
  ops.add(conv_transpose3d_info());
  ops.add(max_pool3d_info());
  ops.add(upsample3d_info());
  ops.add(pad3d_info());
  ops.add(crop3d_info());
  ops.add(concat_info());
  ops.add(reshape_info());
  ops.add(flatten_info());
  ops.add(dropout_info());
  ops.add(linear_info());
  ops.add(batch_norm_info());
  ops.add(softmax_info());
  ops.add(cross_entropy_info());
  ops.add(mse_loss_info());
  ops.add(sure_loss_info());
  ops.add(adam_info());
  ops.add(preprocess_info());
  ops.add(metrics_info());
  ops.add(grid_search_info());
  ops.add(thesis_model_info());
  ops.add(thesis_training_info());
  ops.add(kofler_dynamic_info());
  ops.add(casting_classifier_info());
  ops.add(casting_classifier_training_info());
  ops.add(casting_autoencoder_info());
  ops.add(casting_autoencoder_training_info());
  ops.add(mnist_autoencoder_info());
  ops.add(mnist_autoencoder_training_info());
  ops.add(lpips_info());
  return ops;
}

}  // namespace

const OpRegistry& registered_ops() {
  static const OpRegistry ops = register_ops();
  return ops;
}

}  // namespace primal
