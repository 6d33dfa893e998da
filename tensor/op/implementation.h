// The implementations of an op, and which one runs.
//
// Each op keeps a ladder: its implementations for one element type, fastest first, the plain reference last
// and able to do everything. choose() takes, for a phase ("forward", "backward", ...) and a geometry,
//
//   1. the implementation that is forced by name (`--impl conv3d=blocked`),
//   2. the one a plan has for this phase and geometry (`--plan FILE`, written by `primal tune`),
//   3. the first of the ladder whose supports(geometry) holds: the static rule.
//
// One that does not support the geometry is passed over, as if nobody had asked for it. Nothing is timed behind
// the user's back, so the same build, plan and options give the same bits.
//
// A Geometry is what the choice depends on. Its text form, key(geometry), names it in plans and reports.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tensor/device.h"
#include "tensor/error.h"

namespace primal {

inline constexpr std::string_view kReference = "reference";

struct ImplementationInfo {
  std::string_view name;  // of the method: "reference", "blocked", "winograd"
  std::string_view idea;  // one line
  Device::Kind device = Device::Kind::cpu;
  // Where the arithmetic itself differs (Winograd), its errors may be this many times the op's tolerance.
  double tolerance_factor = 1.0;
  bool deterministic =
      true;  // the same bits run after run, on any number of threads; `primal tune` takes no other
};

template <class Geometry, class Kernels>
struct Implementation {
  ImplementationInfo info;
  bool (*supports)(const Geometry&);
  Kernels kernels;
};

// One choice: that an implementation runs for a phase of an op at a geometry.
struct ImplementationChoice {
  std::string op, phase, geometry, implementation;
  auto operator<=>(const ImplementationChoice&) const = default;
};

// What `primal tune` found on a machine: implementations by op, phase and geometry.
class ImplementationPlan {
 public:
  void set(ImplementationChoice choice);  // replaces what it had for the same op, phase and geometry
  std::string find(std::string_view op, std::string_view phase, const std::string& geometry) const;  // or ""
  std::vector<ImplementationChoice> choices() const;                                                 // sorted

 private:
  std::map<std::tuple<std::string, std::string, std::string>, std::string> choices_;
};
using PlanPointer = std::shared_ptr<const ImplementationPlan>;

// The plan where no scope has one: a program's --plan. Null: none.
void set_process_plan(PlanPointer plan);

// Forces implementations by name, or brings a plan, while it lives; and notes what ran. Scopes nest; the innermost wins.
class ImplementationScope {
 public:
  using Forced = std::map<std::string, std::string, std::less<>>;  // op -> implementation

  explicit ImplementationScope(Forced forced = {}, PlanPointer plan = nullptr);
  ImplementationScope(std::string_view op, std::string_view implementation)
      : ImplementationScope(Forced{{std::string(op), std::string(implementation)}}) {}
  ~ImplementationScope();
  ImplementationScope(const ImplementationScope&) = delete;
  ImplementationScope& operator=(const ImplementationScope&) = delete;

  // True when `implementation` of `op` ran while this scope was the innermost.
  bool used(std::string_view op, std::string_view implementation) const;
  bool used_any(std::string_view op) const;  // any implementation of `op`
  // Every choice made while this scope was the innermost, sorted.
  std::vector<ImplementationChoice> choices() const;

 private:
  friend std::string wanted_implementation(std::string_view op, std::string_view phase,
                                           const std::string& geometry);
  friend void note_implementation(ImplementationChoice choice);
  friend std::vector<ImplementationChoice> current_choices();
  Forced forced_;
  PlanPointer plan_;
  std::set<ImplementationChoice> used_;
  ImplementationScope* outer_;
};

// The choices of the innermost scope so far: which implementations a run has used. Empty without a scope.
std::vector<ImplementationChoice> current_choices();

// What is forced for the op, else what the plan has for this phase and geometry; empty when neither says.
std::string wanted_implementation(std::string_view op, std::string_view phase, const std::string& geometry);
void note_implementation(ImplementationChoice choice);

template <class Geometry, class Kernels>
const Implementation<Geometry, Kernels>& choose(std::string_view op, std::string_view phase,
                                                std::span<const Implementation<Geometry, Kernels>> ladder,
                                                const Geometry& geometry) {
  const Implementation<Geometry, Kernels>* chosen = nullptr;
  const std::string text = key(geometry);
  const std::string wanted = wanted_implementation(op, phase, text);
  for (const auto& candidate : ladder) {
    if (!candidate.supports(geometry)) continue;
    if (chosen == nullptr) chosen = &candidate;
    if (candidate.info.name == wanted) {
      chosen = &candidate;
      break;
    }
  }
  if (chosen == nullptr) throw ShapeError("[{}] no implementation supports this call: {}", op, text);
  note_implementation({std::string(op), std::string(phase), text, std::string(chosen->info.name)});
  return *chosen;
}

}  // namespace primal
