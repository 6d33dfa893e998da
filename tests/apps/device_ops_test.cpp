// Every op's CUDA kernels, on the emulation or on a device, against the reference in double, over
// the op's corner cases; the same bits again and in every order of threads; no races.
#include <algorithm>
#include <gtest/gtest.h>

#include "apps/register_ops.h"
#include "autograd/op_check.h"
#include "support/test_device.h"
#include "tensor/cuda/vendor_library.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

class OnDevice : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> ops_with_kernels() {
  std::vector<std::string> names;
  for (const OpInfo& op : registered_ops().ops()) {
    if (!op.implementations_on(testing::kTestDevice.kind).empty()) names.push_back(op.name);
  }
  return names;
}

// Implementations whose library is not on this machine.
std::vector<std::string> missing_libraries() {
  std::vector<std::string> missing;
  for (const cuda::VendorStatus& library : cuda::vendor_libraries()) {
    if (!library.problem.empty()) missing.push_back(library.implementation);
  }
  return missing;
}

TEST_P(OnDevice, AgreesWithTheReference) {
  PRIMAL_SKIP_WITHOUT_DEVICE();
  const OpInfo& op = *registered_ops().find(GetParam());
  const std::vector<OpCheckRow> rows = check_op(op, testing::kTestDevice);
  for (const OpCheckRow& row : rows) {
    EXPECT_TRUE(row.ok) << row.implementation << ", case " << row.op_case << ", " << row.proof << ": "
                        << row.message;
  }
  for (const ImplementationInfo& implementation : op.implementations_on(testing::kTestDevice.kind)) {
    if (std::ranges::count(missing_libraries(), implementation.name) > 0) continue;
    const bool ran = std::ranges::any_of(
        rows, [&](const OpCheckRow& row) { return row.implementation == implementation.name; });
    EXPECT_TRUE(ran) << "no corner case ran " << implementation.name;
  }
}

// Forward and backward of a corner case on the device.
OpCall call_of(const OpInfo& op, const OpCase& op_case) {
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
  if (op.differentiable) {
    const OpResult result = op.run(call);
    for (const std::string& name : op.results) {
      const OpInput upstream{name, result.outputs.at(name).shape()};
      call.upstream[name] = make_inputs({name, {}, {upstream}}, DType::f32, 1).at(name);
    }
  }
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
  for (const ImplementationInfo& implementation : op.implementations_on(testing::kTestDevice.kind)) {
    const ImplementationScope forced(op.name, implementation.name);
    for (const OpCase& op_case : op.corner_cases) {
      SCOPED_TRACE(std::string(implementation.name) + ", case " + op_case.name);
      use(call_of(op, op_case));
    }
  }
}

#ifdef PRIMAL_TEST_CUDA

TEST_P(OnDevice, GivesTheSameBitsAgain) {
  PRIMAL_SKIP_WITHOUT_DEVICE();
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) { EXPECT_EQ(values_of(op.run(call)), values_of(op.run(call))); });
}

#else

TEST_P(OnDevice, GivesTheSameBitsInEveryOrderOfThreads) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    EXPECT_NO_THROW(simt::same_in_all_orders(op.name, [&] { return values_of(op.run(call)); }));
  });
}

TEST_P(OnDevice, HasNoRaces) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    const simt::Recording recording({.races = true, .counters = false});
    op.run(call);
    EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
  });
}

#endif

INSTANTIATE_TEST_SUITE_P(Ops, OnDevice, ::testing::ValuesIn(ops_with_kernels()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace primal
