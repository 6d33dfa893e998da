// The implementations of an op, and which one runs.
//
// Each op keeps a ladder: its implementations for one element type, fastest first, the plain reference last
// and able to do everything. choose() takes the first whose supports(geometry) holds. Nothing is timed behind
// the user's back, so the same build and options give the same bits. `--impl conv3d=blocked` forces one by
// name; where a forced implementation does not support a geometry the ladder decides, as it would have
// without it.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

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
};

template <class Geometry, class Kernels>
struct Implementation {
  ImplementationInfo info;
  bool (*supports)(const Geometry&);
  Kernels kernels;
};

// Forces implementations by name while it lives, and notes what ran. Scopes nest; the innermost wins.
class ImplementationScope {
 public:
  using Forced = std::map<std::string, std::string, std::less<>>;  // op -> implementation

  explicit ImplementationScope(Forced forced = {});
  ImplementationScope(std::string_view op, std::string_view implementation)
      : ImplementationScope(Forced{{std::string(op), std::string(implementation)}}) {}
  ~ImplementationScope();
  ImplementationScope(const ImplementationScope&) = delete;
  ImplementationScope& operator=(const ImplementationScope&) = delete;

  // True when `implementation` of `op` ran while this scope was the innermost.
  bool used(std::string_view op, std::string_view implementation) const;
  bool used_any(std::string_view op) const;  // any implementation of `op`

 private:
  friend std::string forced_implementation(std::string_view op);
  friend void note_implementation(std::string_view op, std::string_view implementation);
  Forced forced_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> used_;
  ImplementationScope* outer_;
};

std::string forced_implementation(std::string_view op);  // empty when none is forced
void note_implementation(std::string_view op, std::string_view implementation);

template <class Geometry, class Kernels>
const Implementation<Geometry, Kernels>& choose(std::string_view op,
                                                std::span<const Implementation<Geometry, Kernels>> ladder,
                                                const Geometry& geometry) {
  const Implementation<Geometry, Kernels>* chosen = nullptr;
  const std::string forced = forced_implementation(op);
  for (const auto& candidate : ladder) {
    if (!candidate.supports(geometry)) continue;
    if (chosen == nullptr) chosen = &candidate;
    if (candidate.info.name == forced) {
      chosen = &candidate;
      break;
    }
  }
  if (chosen == nullptr) throw ShapeError("[{}] no implementation supports this call", op);
  note_implementation(op, chosen->info.name);
  return *chosen;
}

}  // namespace primal
