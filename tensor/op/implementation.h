// The implementations of an op, and which one runs.
//
// Each op keeps a ladder: its implementations for one element type, on all devices, fastest first. The plain
// reference on the CPU can do everything, so what comes after it is left to 1 and 2. choose() takes, for a
// phase ("forward", "backward", ...), a geometry and a device, of those that run on the device,
//
//   1. the implementation that is forced by name (`--impl conv3d=blocked`),
//   2. the one a plan has for this phase and geometry (`--plan FILE`, written by `primal tune`),
//   3. the first of the ladder whose supports(geometry) holds: the static rule.
//
// One that does not support the geometry is passed over, as if nobody had asked for it. Nothing is timed
// behind the user's back, so the same build, plan and options give the same bits.
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
#include <type_traits>
#include <vector>

#include "tensor/device.h"
#include "tensor/shape.h"

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

// One implementation is one constant of its own file: what it is, what it can do, and its kernels.
template <class Geometry, class Kernels>
struct Implementation {
  ImplementationInfo info;
  bool (*supports)(const Geometry&);  // null: everything, and it is the only one on its device
  Kernels kernels;
};

// The geometry of an op that has one implementation on each device, so that there is nothing to choose.
struct OnlyShape {
  Shape shape;
};
inline std::string key(const OnlyShape& geometry) { return geometry.shape.str(); }

// The implementations of an op, fastest first: of f32 on all devices, of f64 on the CPU.
template <template <class T> class Of>
struct Ladder {
  std::span<const Of<float>* const> f32;
  std::span<const Of<double>* const> f64;

  template <class T>
  std::span<const Of<T>* const> of() const {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else {
      return f64;
    }
  }
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

// Forces implementations by name, or brings a plan, while it lives; and notes what ran. Scopes
// nest; the innermost wins.
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

// DeviceError where nothing of the op runs on the device, ShapeError where what runs there does not support
// the call.
[[noreturn]] void throw_no_implementation(std::string_view op, const std::string& geometry, Device device,
                                          bool any_on_device);

// What is forced for the op, else what the plan has for this phase and geometry; empty when neither says.
std::string wanted_implementation(std::string_view op, std::string_view phase, const std::string& geometry);
void note_implementation(ImplementationChoice choice);

template <class Geometry, class Kernels>
const Implementation<Geometry, Kernels>& choose(
    std::string_view op, std::string_view phase,
    std::span<const Implementation<Geometry, Kernels>* const> ladder, const Geometry& geometry,
    Device device = {}) {
  const Implementation<Geometry, Kernels>* chosen = nullptr;
  bool any_on_device = false;
  std::string text, wanted;
  for (const auto* candidate : ladder) {
    if (candidate->info.device != device.kind) continue;
    if (candidate->supports == nullptr) return *candidate;
    if (!any_on_device) {
      any_on_device = true;
      text = key(geometry);
      wanted = wanted_implementation(op, phase, text);
    }
    if (!candidate->supports(geometry)) continue;
    if (chosen == nullptr) chosen = candidate;
    if (candidate->info.name == wanted) {
      chosen = candidate;
      break;
    }
  }
  if (chosen == nullptr) throw_no_implementation(op, key(geometry), device, any_on_device);
  note_implementation({std::string(op), std::string(phase), text, std::string(chosen->info.name)});
  return *chosen;
}

// The infos of a ladder, for OpInfo::implementations.
template <class Rungs>
std::vector<ImplementationInfo> infos_of(const Rungs& ladder) {
  std::vector<ImplementationInfo> infos;
  for (const auto* implementation : ladder) infos.push_back(implementation->info);
  return infos;
}

// The names of those on a kind of device that support a geometry, in the ladder's order, for
// OpGeometry::supporting.
template <class Geometry, class Kernels>
std::vector<std::string> names_supporting(std::span<const Implementation<Geometry, Kernels>* const> ladder,
                                          const Geometry& geometry, Device::Kind kind) {
  std::vector<std::string> names;
  for (const auto* candidate : ladder) {
    if (candidate->info.device == kind && candidate->supports(geometry))
      names.emplace_back(candidate->info.name);
  }
  return names;
}

// `info` for each kind of device that some of `entries` run on: of an op that runs wherever another does.
template <class Entries>
std::vector<ImplementationInfo> wherever(ImplementationInfo info, const Entries& entries) {
  std::vector<ImplementationInfo> infos;
  std::set<Device::Kind> kinds;
  for (const auto& entry : entries) {
    info.device = entry->info.device;
    if (kinds.insert(info.device).second) infos.push_back(info);
  }
  return infos;
}

// The kernels of a .cu file are one constant for each device it is compiled for:
// PRIMAL_DEVICE_KERNELS(Kernels, name) declares primal::simt::name and primal::cuda::name, the file defines
// its own in namespace primal::PRIMAL_SIMT.
#define PRIMAL_DEVICE_KERNELS(Kernels, name) \
  namespace simt {                           \
  extern const Kernels name;                 \
  }                                          \
  namespace cuda {                           \
  extern const Kernels name;                 \
  }                                          \
  static_assert(true, "a semicolon follows")

// The constants of a .cu file as elements of a ladder: for the emulation and, in a build with CUDA, for CUDA
// devices.
#if PRIMAL_HAS_CUDA
#define PRIMAL_DEVICES(name) &simt::name, &cuda::name
#else
#define PRIMAL_DEVICES(name) &simt::name
#endif

}  // namespace primal
