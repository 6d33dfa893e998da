// The door: how every call of an op reaches its kernels.
//
//   Door door("conv3d", conv3d_ladder.of<T>(), geometry, device, [&] { return conv3d_cost(x, weight, y); });
//   const auto forward = door.open("forward");       chosen; its named range is open while `forward` lives
//   forward([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
//     kernels.forward(exec, x, weight, bias, params, y);
//   });
//   const auto data = door.phase("backward_data");   chosen now; the tape calls it later, in its own range:
//   data([&](const Exec& exec, const Conv3dKernels<T>& kernels) {
//     kernels.backward_data(exec, grad_y, weight, params, grad_x);
//   });
//
// A phase is chosen once (implementation.h), when the op is called: a scope that forces an
// implementation may have ended when the backward pass runs. "backward" gets no range of its own, since
// the tape opens one for each node.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/range.h"

namespace primal {

// What the phases of one call share. Costs and text are made only while somebody watches.
struct CallDescription {
  std::string geometry;
  PhaseCosts costs;

  RangeDetail of(const char* phase, std::string_view implementation) const;
};

template <class Kernels>
class Phase {
 public:
  Phase() = default;  // of a gradient that nobody wants: never called
  Phase(const char* op, const char* name, Exec exec, const ImplementationInfo& info, const Kernels& kernels,
        bool one_of_many, std::shared_ptr<const CallDescription> description)
      : op_(op),
        name_(name),
        exec_(exec),
        info_(&info),
        kernels_(&kernels),
        one_of_many_(one_of_many),
        description_(std::move(description)) {}

  const ImplementationInfo& info() const { return *info_; }
  const Kernels& kernels() const { return *kernels_; }
  const Exec& exec() const { return exec_; }

  // call(exec, kernels) in the range of this phase.
  template <class Call>
  void operator()(const Call& call) const {
    if (std::string_view(name_) == "backward") return call(exec_, *kernels_);
    const Range range = open_range();
    call(exec_, *kernels_);
  }

 protected:
  Range open_range() const {
    const bool forward = std::string_view(name_) == "forward";
    return Range(op_, forward ? nullptr : name_, [this] {
      return description_ == nullptr ? RangeDetail{}
                                     : description_->of(name_, one_of_many_ ? info_->name : "");
    });
  }

 private:
  const char* op_ = nullptr;
  const char* name_ = nullptr;
  Exec exec_;
  const ImplementationInfo* info_ = nullptr;
  const Kernels* kernels_ = nullptr;
  bool one_of_many_ = false;  // ranges name the implementation only where there was a choice
  std::shared_ptr<const CallDescription> description_;
};

// A phase whose range is open while it lives, for the forward pass: what is recorded on the tape
// meanwhile belongs to it.
template <class Kernels>
class OpenPhase : public Phase<Kernels> {
 public:
  explicit OpenPhase(Phase<Kernels> phase) : Phase<Kernels>(std::move(phase)), range_(this->open_range()) {}

  template <class Call>
  void operator()(const Call& call) const {
    call(this->exec(), this->kernels());
  }

 private:
  Range range_;
};

template <class Geometry, class Kernels>
class Door {
 public:
  using Rungs = std::span<const Implementation<Geometry, Kernels>* const>;

  // `costs()` returns PhaseCosts, or a CallDescription where ranges say more of a call than the choice
  // depends on. `name` is what the ranges are called, where that is not the op among whose
  // implementations it chooses.
  template <class Costs>
  Door(const char* op, Rungs ladder, Geometry geometry, Device device, const Costs& costs,
       const char* name = nullptr)
      : op_(op),
        name_(name == nullptr ? op : name),
        ladder_(ladder),
        geometry_(std::move(geometry)),
        exec_(exec_on(device)) {
    if (Range::watched()) description_ = std::make_shared<const CallDescription>(described(costs()));
  }

  Phase<Kernels> phase(const char* name) const {
    const auto& chosen = choose(op_, name, ladder_, geometry_, exec_.device);
    return {name_, name, exec_, chosen.info, chosen.kernels, chosen.supports != nullptr, description_};
  }
  // A phase run by the implementation of another one.
  Phase<Kernels> phase_as(const char* name, const Phase<Kernels>& other) const {
    return {name_, name, exec_, other.info(), other.kernels(), true, description_};
  }
  OpenPhase<Kernels> open(const char* name) const { return OpenPhase<Kernels>(phase(name)); }

 private:
  CallDescription described(PhaseCosts costs) const { return {key(geometry_), std::move(costs)}; }
  CallDescription described(CallDescription description) const { return description; }

  const char* op_;
  const char* name_;
  Rungs ladder_;
  Geometry geometry_;
  Exec exec_;
  std::shared_ptr<const CallDescription> description_;
};

}  // namespace primal
