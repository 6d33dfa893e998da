// Which implementation is fastest here, for each geometry of a model.
#pragma once

#include "apps/plans/plan_file.h"
#include "apps/profile/measure_op.h"

namespace primal {

struct TuneRow {
  ImplementationChoice choice;
  std::string by_rule;               // what runs without a plan
  std::map<std::string, double> ms;  // medians
};

// Chooses the fastest implementation that agrees with the reference. `rows` are the measurements of one phase
// and geometry, the reference's among them. The static rule's implementation stays unless another is faster
// by more than `margin` and the quartiles do not overlap: otherwise a plan would record noise.
TuneRow choose_fastest(const std::vector<OpMeasurement>& rows, const std::string& by_rule, double margin);

// Measures op after op of `ran` (the choices a run of the model made) on every implementation that supports
// the geometry, gives the same bits run after run, and agrees with the reference, and chooses among them.
std::vector<TuneRow> tune(
    const OpRegistry& ops, const std::vector<ImplementationChoice>& ran, const MeasureOptions& options,
    double margin,
    const std::function<void(const std::string& op, const std::string& geometry)>& on_geometry);

}  // namespace primal
