// The difference and its adjoint on a thesis picture (256x256) and a sequence of 16 frames: bytes moved per
// second.
//
//   PRIMAL_THREADS=2 build/release/bench/bench_solvers_difference
#include <benchmark/benchmark.h>

#include "bench/cases.h"
#include "solvers/difference/difference_kernels.h"
#include "tensor/tensor.h"

namespace primal {
namespace {

struct Volume {
  const char* name;
  Shape shape;
  Axes axes;
};

template <class T>
void run_case(benchmark::State& state, const Volume& volume, bool adjoint) {
  const Tensor x = Tensor::full(volume.shape, 0.5, dtype_of<T>());
  const Tensor y = Tensor::full(volume.shape.with(1, volume.axes.count()), 0.5, dtype_of<T>());
  for (auto _ : state) {
    if (adjoint) {
      cpu::difference_reference<T>().gradient_adjoint_forward(Exec{}, y.view5<const T>(), volume.axes,
                                                              x.view5<T>());
    } else {
      cpu::difference_reference<T>().gradient_forward(Exec{}, x.view5<const T>(), volume.axes, y.view5<T>());
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(x.bytes() + y.bytes()));
}

}  // namespace

void register_cases() {
  static const Volume volumes[] = {{"picture", {1, 1, 1, 256, 256}, {3, 4}},
                                   {"sequence", {1, 1, 16, 192, 192}, {2, 3, 4}}};
  for (const Volume& volume : volumes) {
    for (const bool adjoint : {false, true}) {
      const auto add = [&](const char* dtype, auto run) {
        const char* op = adjoint ? "gradient_adjoint" : "gradient";
        benchmark::RegisterBenchmark(fmt::format("{}/reference/{}/{}", op, dtype, volume.name).c_str(), run)
            ->Unit(benchmark::kMicrosecond)
            ->UseRealTime();
      };
      add("f32", [&volume, adjoint](benchmark::State& state) { run_case<float>(state, volume, adjoint); });
      add("f64", [&volume, adjoint](benchmark::State& state) { run_case<double>(state, volume, adjoint); });
    }
  }
}

}  // namespace primal
