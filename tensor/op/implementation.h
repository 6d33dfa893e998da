// The implementations of an op, and which one runs.
//
// Each op keeps a ladder: its implementations for one element type, on all devices, fastest first. The plain reference on
// the CPU can do everything, so what comes after it is left to 1 and 2. choose() takes, for a phase ("forward",
// "backward", ...), a geometry and a device, of those that run on the device,
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

// DeviceError where nothing of the op runs on the device, ShapeError where what runs there does not support the call.
[[noreturn]] void throw_no_implementation(std::string_view op, const std::string& geometry, Device device,
                                          bool any_on_device);

// What is forced for the op, else what the plan has for this phase and geometry; empty when neither says.
std::string wanted_implementation(std::string_view op, std::string_view phase, const std::string& geometry);
void note_implementation(ImplementationChoice choice);

template <class Geometry, class Kernels>
const Implementation<Geometry, Kernels>& choose(std::string_view op, std::string_view phase,
                                                std::span<const Implementation<Geometry, Kernels>> ladder,
                                                const Geometry& geometry, Device device = {}) {
  const Implementation<Geometry, Kernels>* chosen = nullptr;
  bool any_on_device = false;
  const std::string text = key(geometry);
  const std::string wanted = wanted_implementation(op, phase, text);
  for (const auto& candidate : ladder) {
    if (candidate.info.device != device.kind) continue;
    any_on_device = true;
    if (!candidate.supports(geometry)) continue;
    if (chosen == nullptr) chosen = &candidate;
    if (candidate.info.name == wanted) {
      chosen = &candidate;
      break;
    }
  }
  if (chosen == nullptr) throw_no_implementation(op, text, device, any_on_device);
  note_implementation({std::string(op), std::string(phase), text, std::string(chosen->info.name)});
  return *chosen;
}

// Ops that have one implementation on each device keep a list of these, and there is nothing to choose by.
template <class Kernels>
struct DeviceKernels {
  ImplementationInfo info;
  Kernels kernels;
};

template <class Kernels>
const Kernels& kernels_on(std::string_view op, Device device, std::span<const DeviceKernels<Kernels>> all) {
  for (const auto& candidate : all) {
    if (candidate.info.device == device.kind) return candidate.kernels;
  }
  throw_no_implementation(op, "", device, false);
}

// The infos of a ladder or of such a list, for OpInfo::implementations.
template <class Entries>
std::vector<ImplementationInfo> infos_of(const Entries& entries) {
  std::vector<ImplementationInfo> infos;
  for (const auto& entry : entries) infos.push_back(entry.info);
  return infos;
}

// The names of those on a kind of device that support a geometry, in the ladder's order, for OpGeometry::supporting.
template <class Geometry, class Kernels>
std::vector<std::string> names_supporting(std::span<const Implementation<Geometry, Kernels>> ladder,
                                          const Geometry& geometry, Device::Kind kind) {
  std::vector<std::string> names;
  for (const auto& candidate : ladder) {
    if (candidate.info.device == kind && candidate.supports(geometry))
      names.emplace_back(candidate.info.name);
  }
  return names;
}

// `info` for each kind of device that some of `entries` run on: of an op that runs wherever another does.
template <class Entries>
std::vector<ImplementationInfo> wherever(ImplementationInfo info, const Entries& entries) {
  std::vector<ImplementationInfo> infos;
  std::set<Device::Kind> kinds;
  for (const auto& entry : entries) {
    info.device = entry.info.device;
    if (kinds.insert(info.device).second) infos.push_back(info);
  }
  return infos;
}

// The kernels of a .cu file are one constant for each device it is compiled for: PRIMAL_DEVICE_KERNELS(Kernels, name)
// declares primal::simt::name and primal::cuda::name, the file defines its own in namespace primal::PRIMAL_SIMT.
#define PRIMAL_DEVICE_KERNELS(Kernels, name) \
  namespace simt {                           \
  extern const Kernels name;                 \
  }                                          \
  namespace cuda {                           \
  extern const Kernels name;                 \
  }                                          \
  static_assert(true, "a semicolon follows")

// Rows of a ladder (on_devices) or of a list of DeviceKernels (each_device) for those constants: one for the emulation and,
// in a build with CUDA, one for CUDA devices:  PRIMAL_ON_DEVICES(kTiledInfo, supports, conv3d_tiled)
#if PRIMAL_HAS_CUDA
#define PRIMAL_ON_DEVICES(info, supports, name)                  \
  {on_device(info, Device::Kind::simt), supports, simt::name}, { \
    on_device(info, Device::Kind::cuda), supports, cuda::name    \
  }
#define PRIMAL_EACH_DEVICE(info, name) \
  {on_device(info, Device::Kind::simt), simt::name}, { on_device(info, Device::Kind::cuda), cuda::name }
#else
#define PRIMAL_ON_DEVICES(info, supports, name) \
  { on_device(info, Device::Kind::simt), supports, simt::name }
#define PRIMAL_EACH_DEVICE(info, name) \
  { on_device(info, Device::Kind::simt), simt::name }
#endif

constexpr ImplementationInfo on_device(ImplementationInfo info, Device::Kind kind) {
  info.device = kind;
  return info;
}

}  // namespace primal
