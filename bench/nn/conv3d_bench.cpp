// conv3d kernel by kernel, over the convolutions of the thesis network: every direction on every
// implementation.
//
//   PRIMAL_THREADS=2 build/release/bench/bench_nn_conv3d --benchmark_filter=blocked/f32/e1b
//
// A case first compares its result with the reference's and is skipped with an error where they disagree.
// GFLOP/s counts a multiply-add as two and every tap as if it were inside the image.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <functional>

#include "bench/cases.h"
#include "nn/conv3d/conv3d.h"
#include "nn/conv3d/conv3d_kernels.h"

namespace primal {
namespace {

using Kernels = Conv3dKernels<float>;
enum class Direction { forward, backward_data, backward_weights };

const char* name_of(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return "forward";
    case Direction::backward_data:
      return "backward_data";
    case Direction::backward_weights:
      return "backward_weights";
  }
  return "";
}

// One stage with its buffers; y stands for grad_y where that is read.
class Stage {
 public:
  explicit Stage(const OpCase& op_case)
      : params_{attribute_triple(op_case.attrs, "stride", {1, 1, 1}),
                attribute_triple(op_case.attrs, "padding", {0, 0, 0})} {
    const TensorMap inputs = make_inputs(op_case, DType::f32);
    x_ = inputs.at("x"), weight_ = inputs.at("weight"), bias_ = inputs.at("bias");
    const Shape y_shape = x_.shape().with(1, weight_.size(0));  // all stages keep the extents
    y_ = make_inputs({"y", {}, {{"y", y_shape}}}, DType::f32).at("y");
  }

  Conv3dGeometry geometry() const { return {x_.shape(), weight_.shape(), params_}; }
  double flop() const {
    const int64_t per_channel = y_.numel() / y_.size(1);
    return 2.0 * static_cast<double>(weight_.numel() * per_channel);
  }

  // Runs one direction; what it computes is written to (forward) or added to (backward) `result`.
  void run(const Kernels& kernels, Direction direction, const Tensor& result) const {
    const auto x = x_.view5<const float>(), weight = weight_.view5<const float>(),
               y = y_.view5<const float>();
    switch (direction) {
      case Direction::forward:
        return kernels.forward(Exec{}, {x}, weight, bias_.view<const float, 1>(), params_, 1.0f,
                               result.view5<float>());
      case Direction::backward_data:
        return kernels.backward_data(Exec{}, {y}, weight, params_, true, {result.view5<float>()});
      case Direction::backward_weights:
        return kernels.backward_weights(Exec{}, {x}, {y}, params_, result.view5<float>(),
                                        grad_bias_.view<float, 1>());
    }
  }

  Tensor make_result(Direction direction) {
    grad_bias_ = Tensor::zeros(bias_.shape());
    const Tensor& like = direction == Direction::forward         ? y_
                         : direction == Direction::backward_data ? x_
                                                                 : weight_;
    return Tensor::zeros(like.shape());
  }

 private:
  Conv3dParams params_;
  Tensor x_, weight_, bias_, y_, grad_bias_;
};

void run_case(benchmark::State& state, const OpCase& op_case, Direction direction,
              const Implementation<Conv3dGeometry, Kernels>& implementation) {
  Stage stage(op_case);
  const Tensor result = stage.make_result(direction);
  stage.run(implementation.kernels, direction, result);
  if (implementation.info.name != kReference) {
    const Tensor expected = stage.make_result(direction);
    stage.run(cpu::conv3d_reference_f32.kernels, direction, expected);
    const double error = relative_l2(result, expected);
    if (!(error <= 5e-6 * implementation.info.tolerance_factor)) {
      return state.SkipWithError(fmt::format("differs from the reference by {:.2g}", error).c_str());
    }
  }
  for (auto _ : state) stage.run(implementation.kernels, direction, result);
  state.counters["GFLOP/s"] = benchmark::Counter(
      1e-9 * stage.flop() * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

}  // namespace

void register_cases() {
  static const OpInfo info = conv3d_info();
  for (const Direction direction :
       {Direction::forward, Direction::backward_data, Direction::backward_weights}) {
    for (const auto* each : conv3d_ladder.f32) {
      const auto& implementation = *each;
      if (implementation.info.device != Device::Kind::cpu)
        continue;  // `primal profile --device cuda` times those
      for (const OpCase& op_case : info.stages) {
        if (!implementation.supports(Stage(op_case).geometry())) continue;
        const std::string name =
            fmt::format("conv3d_{}/{}/f32/{}", name_of(direction), implementation.info.name, op_case.name);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&op_case, direction, &implementation](benchmark::State& state) {
                                       run_case(state, op_case, direction, implementation);
                                     })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace primal
