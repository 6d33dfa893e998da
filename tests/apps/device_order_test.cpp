// Every op's CUDA kernels over the op's corner cases: on the emulation the same bits in every order of
// threads, and no races; on a device the same bits again.
#include <gtest/gtest.h>

#include "apps/ops/register_ops.h"
#include "support/device_ops.h"
#include "support/test_device.h"
#include "tensor/cuda/precision.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

class OrderOnDevice : public ::testing::TestWithParam<std::string> {};

// Forward and backward of a corner case on the device.
OpCall call_of(const OpInfo& op, const OpCase& op_case) {
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
  if (op.differentiable) call.upstream = make_upstream(op.results, op.run(call).outputs);
  call.device = testing::kTestDevice;
  return call;
}

std::vector<double> values_of(const OpResult& result) {
  std::vector<double> all;
  for (const TensorMap* map : {&result.outputs, &result.grads}) {
    for (const auto& [name, tensor] : *map) {
      const std::vector<double> values = tensor.to_doubles();
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

// Calls use(call) for every corner case and implementation.
template <class Use>
void for_each_call(const OpInfo& op, const Use& use) {
  const PrecisionScope allowed(Precision::tf32);  // some implementations run with it only
  for (const ImplementationInfo& implementation : op.implementations_on(testing::kTestDevice.kind)) {
    const ImplementationScope forced(op.chooser(), implementation.name);
    for (const OpCase& op_case : op.corner_cases) {
      SCOPED_TRACE(std::string(implementation.name) + ", case " + op_case.name);
      use(call_of(op, op_case));
    }
  }
}

#ifdef PRIMAL_TEST_CUDA

TEST_P(OrderOnDevice, GivesTheSameBitsAgain) {
  PRIMAL_SKIP_WITHOUT_DEVICE();
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) { EXPECT_EQ(values_of(op.run(call)), values_of(op.run(call))); });
}

#else

TEST_P(OrderOnDevice, GivesTheSameBitsInEveryOrderOfThreads) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    EXPECT_NO_THROW(simt::same_in_all_orders(op.name, [&] { return values_of(op.run(call)); }));
  });
}

TEST_P(OrderOnDevice, HasNoRaces) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    const simt::Recording recording({.races = true, .counters = false});
    op.run(call);
    EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
  });
}

#endif

INSTANTIATE_TEST_SUITE_P(Ops, OrderOnDevice, ::testing::ValuesIn(testing::ops_with_kernels()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace primal
