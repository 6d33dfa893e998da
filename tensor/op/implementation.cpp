#include "tensor/op/implementation.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "tensor/error.h"
#include "tensor/op/door.h"

namespace primal {
namespace {

// One stack of scopes for the process: a run has one set of options. The mutex covers threads that call ops
// at once.
std::mutex scope_mutex;
ImplementationScope* innermost = nullptr;
PlanPointer process_plan;

}  // namespace

void ImplementationPlan::set(ImplementationChoice choice) {
  choices_[{std::move(choice.op), std::move(choice.phase), std::move(choice.geometry)}] =
      std::move(choice.implementation);
}

std::string ImplementationPlan::find(std::string_view op, std::string_view phase,
                                     const std::string& geometry) const {
  const auto found = choices_.find({std::string(op), std::string(phase), geometry});
  return found == choices_.end() ? std::string() : found->second;
}

std::vector<ImplementationChoice> ImplementationPlan::choices() const {
  std::vector<ImplementationChoice> list;
  for (const auto& [where, implementation] : choices_) {
    list.push_back({std::get<0>(where), std::get<1>(where), std::get<2>(where), implementation});
  }
  return list;
}

void set_process_plan(PlanPointer plan) {
  std::lock_guard lock(scope_mutex);
  process_plan = std::move(plan);
}

ImplementationScope::ImplementationScope(Forced forced, PlanPointer plan)
    : forced_(std::move(forced)), plan_(std::move(plan)) {
  std::lock_guard lock(scope_mutex);
  outer_ = std::exchange(innermost, this);
}

ImplementationScope::~ImplementationScope() {
  std::lock_guard lock(scope_mutex);
  innermost = outer_;
}

bool ImplementationScope::used(std::string_view op, std::string_view implementation) const {
  std::lock_guard lock(scope_mutex);
  return std::ranges::any_of(used_, [&](const ImplementationChoice& choice) {
    return choice.op == op && choice.implementation == implementation;
  });
}

bool ImplementationScope::used_any(std::string_view op) const {
  std::lock_guard lock(scope_mutex);
  return std::ranges::any_of(used_, [&](const ImplementationChoice& choice) { return choice.op == op; });
}

std::vector<ImplementationChoice> ImplementationScope::choices() const {
  std::lock_guard lock(scope_mutex);
  return {used_.begin(), used_.end()};
}

std::vector<ImplementationChoice> current_choices() {
  std::lock_guard lock(scope_mutex);
  if (innermost == nullptr) return {};
  return {innermost->used_.begin(), innermost->used_.end()};
}

std::string wanted_implementation(std::string_view op, std::string_view phase, const std::string& geometry) {
  std::lock_guard lock(scope_mutex);
  for (const ImplementationScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (auto found = scope->forced_.find(op); found != scope->forced_.end()) return found->second;
  }
  for (const ImplementationScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (scope->plan_ != nullptr) return scope->plan_->find(op, phase, geometry);
  }
  return process_plan != nullptr ? process_plan->find(op, phase, geometry) : std::string();
}

RangeDetail CallDescription::of(const char* phase, std::string_view implementation) const {
  RangeDetail detail = range_detail(costs, geometry, std::string(implementation));
  const auto found = costs.find(phase);
  detail.cost = found == costs.end() ? Cost{} : found->second;
  return detail;
}

void note_implementation(ImplementationChoice choice) {
  std::lock_guard lock(scope_mutex);
  if (innermost != nullptr) innermost->used_.insert(std::move(choice));
}

void throw_no_implementation(std::string_view op, const std::string& geometry, Device device,
                             bool any_on_device) {
  if (!any_on_device) {
    throw DeviceError("[{}] no implementation on {} for this element type; kernels of devices compute in f32",
                      op, device.str());
  }
  throw ShapeError("[{}] no implementation on {} supports this call: {}", op, device.str(), geometry);
}

}  // namespace primal
