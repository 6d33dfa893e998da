// Every op's CUDA kernels on the emulation, against the reference in double, over the op's corner cases; and the golden cases.
#include <algorithm>
#include <gtest/gtest.h>

#include "apps/register_ops.h"
#include "autograd/op_check.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

class OnSimt : public testing::TestWithParam<std::string> {};

std::vector<std::string> ops_with_kernels() {
  std::vector<std::string> names;
  for (const OpInfo& op : registered_ops().ops()) {
    if (!op.implementations_on(Device::Kind::simt).empty()) names.push_back(op.name);
  }
  return names;
}

TEST_P(OnSimt, AgreesWithTheReference) {
  const OpInfo& op = *registered_ops().find(GetParam());
  const std::vector<OpCheckRow> rows = check_op(op, Device::simt());
  for (const OpCheckRow& row : rows) {
    EXPECT_TRUE(row.ok) << row.implementation << ", case " << row.op_case << ", " << row.proof << ": "
                        << row.message;
  }
  for (const ImplementationInfo& implementation : op.implementations_on(Device::Kind::simt)) {
    const bool ran = std::ranges::any_of(
        rows, [&](const OpCheckRow& row) { return row.implementation == implementation.name; });
    EXPECT_TRUE(ran) << "no corner case ran " << implementation.name;
  }
}

// Forward and backward of a corner case on the emulation.
OpCall call_of(const OpInfo& op, const OpCase& op_case) {
  OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
  if (op.differentiable) {
    const OpResult result = op.run(call);
    for (const std::string& name : op.results) {
      const OpInput upstream{name, result.outputs.at(name).shape()};
      call.upstream[name] = make_inputs({name, {}, {upstream}}, DType::f32, 1).at(name);
    }
  }
  call.device = Device::simt();
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
  for (const ImplementationInfo& implementation : op.implementations_on(Device::Kind::simt)) {
    const ImplementationScope forced(op.name, implementation.name);
    for (const OpCase& op_case : op.corner_cases) {
      SCOPED_TRACE(std::string(implementation.name) + ", case " + op_case.name);
      use(call_of(op, op_case));
    }
  }
}

TEST_P(OnSimt, GivesTheSameBitsInEveryOrderOfThreads) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    EXPECT_NO_THROW(simt::same_in_all_orders(op.name, [&] { return values_of(op.run(call)); }));
  });
}

TEST_P(OnSimt, HasNoRaces) {
  const OpInfo& op = *registered_ops().find(GetParam());
  for_each_call(op, [&](const OpCall& call) {
    const simt::Recording recording({.races = true, .counters = false});
    op.run(call);
    EXPECT_NO_THROW(simt::require_no_races(recording.launches()));
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, OnSimt, testing::ValuesIn(ops_with_kernels()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace primal
