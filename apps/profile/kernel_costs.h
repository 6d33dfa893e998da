// Instructions of kernels, counted in the code that nvcc 13.0 made of them for sm_90. Made by
// bench/kernel_costs.py, which says how; with --check it fails where the table is no longer true.
#pragma once

namespace primal {

enum class KernelKind { thread, step, iteration };

struct KernelCost {
  const char* name;  // of a launch, or of a kernel where several kernels have launches of one name
  KernelKind kind;
  double least, all;              // instructions of a warp
  double loop, accesses;          // of a thread kernel: its longest loop
  double products, shared_loads;  // of a step kernel
};

// clang-format off
inline constexpr KernelCost kKernelCosts[] = {
    {"activation_backward", KernelKind::thread, 0, 32, 0, 0, 0, 0},
    {"activation_forward", KernelKind::thread, 0, 27, 0, 0, 0, 0},
    {"adam_step", KernelKind::thread, 0, 428, 247, 16, 0, 0},
    {"add_noise", KernelKind::thread, 0, 796, 9, 1, 0, 0},
    {"concat_backward", KernelKind::thread, 0, 79, 0, 0, 0, 0},
    {"concat_forward", KernelKind::thread, 0, 78, 0, 0, 0, 0},
    {"conv3d_add_parts", KernelKind::thread, 0, 1481, 520, 26, 0, 0},
    {"conv3d_backward_weights_one_channel", KernelKind::thread, 0, 1461, 824, 19, 0, 0},
    {"conv3d_sum_of_splits", KernelKind::thread, 0, 246, 23, 4, 0, 0},
    {"deviation", KernelKind::thread, 0, 376, 32, 4, 0, 0},
    {"gradient_add", KernelKind::thread, 0, 25, 0, 0, 0, 0},
    {"judge_step", KernelKind::thread, 0, 225, 45, 16, 0, 0},
    {"lambda_map_backward", KernelKind::thread, 0, 330, 190, 7, 0, 0},
    {"lambda_map_forward", KernelKind::thread, 0, 102, 72, 1, 0, 0},
    {"learnt_steps_backward", KernelKind::thread, 0, 66, 0, 0, 0, 0},
    {"learnt_steps_forward", KernelKind::thread, 0, 50, 0, 0, 0, 0},
    {"upsample3d_backward", KernelKind::thread, 0, 548, 422, 26, 0, 0},
    {"upsample3d_forward", KernelKind::thread, 0, 544, 418, 22, 0, 0},
    {"max_pool3d_backward", KernelKind::thread, 0, 611, 193, 21, 0, 0},
    {"max_pool3d_forward", KernelKind::thread, 0, 516, 323, 31, 0, 0},
    {"mse_loss_backward", KernelKind::thread, 0, 40, 0, 0, 0, 0},
    {"mse_loss_forward", KernelKind::thread, 0, 549, 193, 14, 0, 0},
    {"pdhg_add_sums", KernelKind::thread, 0, 135, 13, 1, 0, 0},
    {"pdhg_start", KernelKind::thread, 0, 161, 21, 4, 0, 0},
    {"restore_buffers", KernelKind::thread, 0, 191, 43, 16, 0, 0},
    {"zero_gradients", KernelKind::thread, 0, 140, 25, 16, 0, 0},
    {"convolution_kernel<3> tiled", KernelKind::step, 5064, 6094, 0, 0, 0, 384},
    {"convolution_kernel<1> tiled", KernelKind::step, 672, 1251, 0, 0, 0, 80},
    {"gradient_kernel<3> tiled", KernelKind::step, 3648, 6334, 0, 0, 0, 320},
    {"gradient_kernel<1> tiled", KernelKind::step, 1504, 5631, 0, 0, 0, 256},
    {"product_kernel<1, false, 1>", KernelKind::step, 64, 618, 0, 0, 16, 48},
    {"product_kernel<1, false, 3>", KernelKind::step, 87, 587, 0, 0, 48, 39},
    {"product_kernel<1, true, 1>", KernelKind::step, 78, 722, 0, 0, 16, 62},
    {"product_kernel<1, true, 3>", KernelKind::step, 101, 607, 0, 0, 48, 53},
    {"product_kernel<3, false, 1>", KernelKind::step, 315, 953, 0, 0, 144, 144},
    {"product_kernel<3, false, 3>", KernelKind::step, 1617, 2081, 0, 0, 432, 144},
    {"product_kernel<3, true, 1>", KernelKind::step, 336, 1058, 0, 0, 144, 144},
    {"product_kernel<3, true, 3>", KernelKind::step, 1644, 2082, 0, 0, 432, 144},
    {"gradient_kernel<1, 1>", KernelKind::step, 120, 1032, 0, 0, 16, 64},
    {"gradient_kernel<1, 3>", KernelKind::step, 400, 1153, 0, 0, 48, 64},
    {"gradient_kernel<3, 1>", KernelKind::step, 404, 1332, 0, 0, 144, 224},
    {"gradient_kernel<3, 3>", KernelKind::step, 1948, 2686, 0, 0, 432, 224},
    {"overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, false, false>", KernelKind::iteration, 51.5, 1139, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, false, true>", KernelKind::iteration, 117.2, 1510, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, true, false>", KernelKind::iteration, 51.8, 1172, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<8, 8, 12, 4>, true, true>", KernelKind::iteration, 113.8, 1590, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 0>", KernelKind::iteration, 29.2, 1207, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 1>", KernelKind::iteration, 40.8, 1291, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<8, 8, 12, 4>, 2>", KernelKind::iteration, 52.9, 1329, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, false, false>", KernelKind::iteration, 51.5, 1141, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, false, true>", KernelKind::iteration, 114.2, 1507, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, true, false>", KernelKind::iteration, 51.8, 1169, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<4, 4, 8, 4>, true, true>", KernelKind::iteration, 114.5, 1587, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 0>", KernelKind::iteration, 29.2, 1213, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 1>", KernelKind::iteration, 42.1, 1303, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<4, 4, 8, 4>, 2>", KernelKind::iteration, 51.8, 1332, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, false, false>", KernelKind::iteration, 47.2, 1905, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, false, true>", KernelKind::iteration, 114.4, 2557, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, true, false>", KernelKind::iteration, 47.1, 1685, 0, 0, 0, 0},
    {"overlapped_adjoint_kernel<OverlappedTile<12, 12, 11, 8>, true, true>", KernelKind::iteration, 111.5, 2367, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 0>", KernelKind::iteration, 27.9, 1973, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 1>", KernelKind::iteration, 38.0, 2051, 0, 0, 0, 0},
    {"overlapped_forward_kernel<OverlappedTile<12, 12, 11, 8>, 2>", KernelKind::iteration, 50.2, 2135, 0, 0, 0, 0},
    {"clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 0>", KernelKind::iteration, 28.5, 772, 0, 0, 0, 0},
    {"clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 1>", KernelKind::iteration, 47.4, 992, 0, 0, 0, 0},
    {"clusters_forward_kernel<ClusterTile<4, 4, 16, 6, 2>, 2>", KernelKind::iteration, 52.1, 1055, 0, 0, 0, 0},
};
// clang-format on

}  // namespace primal
