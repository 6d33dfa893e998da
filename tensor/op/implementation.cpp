#include "tensor/op/implementation.h"

#include <mutex>
#include <utility>

namespace primal {
namespace {

// One stack of scopes for the process: a run has one set of options. The mutex covers threads that call ops
// at once.
std::mutex scope_mutex;
ImplementationScope* innermost = nullptr;

}  // namespace

ImplementationScope::ImplementationScope(Forced forced) : forced_(std::move(forced)) {
  std::lock_guard lock(scope_mutex);
  outer_ = std::exchange(innermost, this);
}

ImplementationScope::~ImplementationScope() {
  std::lock_guard lock(scope_mutex);
  innermost = outer_;
}

bool ImplementationScope::used(std::string_view op, std::string_view implementation) const {
  std::lock_guard lock(scope_mutex);
  const auto found = used_.find(op);
  return found != used_.end() && found->second.contains(implementation);
}

bool ImplementationScope::used_any(std::string_view op) const {
  std::lock_guard lock(scope_mutex);
  return used_.contains(op);
}

std::string forced_implementation(std::string_view op) {
  std::lock_guard lock(scope_mutex);
  for (const ImplementationScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (auto found = scope->forced_.find(op); found != scope->forced_.end()) return found->second;
  }
  return {};
}

void note_implementation(std::string_view op, std::string_view implementation) {
  std::lock_guard lock(scope_mutex);
  if (innermost == nullptr) return;
  auto found = innermost->used_.find(op);
  if (found == innermost->used_.end()) found = innermost->used_.try_emplace(std::string(op)).first;
  if (!found->second.contains(implementation)) found->second.emplace(implementation);
}

}  // namespace primal
