#include "apps/profile/tune.h"

#include <set>

#include "tensor/error.h"

namespace primal {

TuneRow choose_fastest(const std::vector<OpMeasurement>& rows, const std::string& by_rule, double margin) {
  TuneRow result;
  result.by_rule = by_rule;
  const OpMeasurement* rule = nullptr;
  for (const OpMeasurement& row : rows) {
    result.ms[row.implementation] = row.ms.median;
    if (row.implementation == by_rule && row.ok) rule = &row;  // a wrong result is no choice
  }
  const OpMeasurement* best = rule;
  for (const OpMeasurement& row : rows) {
    if (!row.ok) continue;
    const bool faster = best == nullptr || row.ms.median < best->ms.median;
    // Clear of the rule's by more than the noise: the quartiles do not overlap either.
    const bool clearly =
        rule == nullptr || (row.ms.median < (1.0 - margin) * rule->ms.median && row.ms.high < rule->ms.low);
    if (faster && clearly) best = &row;
  }
  if (best == nullptr)
    throw CheckFailed("[tune] no implementation of {} agrees with the reference", rows[0].op);
  result.choice = {best->op, best->phase, best->geometry, best->implementation};
  return result;
}

std::vector<TuneRow> tune(
    const OpRegistry& ops, const std::vector<ImplementationChoice>& ran, const MeasureOptions& options,
    double margin,
    const std::function<void(const std::string& op, const std::string& geometry)>& on_geometry) {
  // A run's choices are sorted by op, phase and geometry; each geometry is measured once for all its phases.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> phases;
  for (const ImplementationChoice& choice : ran) phases[{choice.op, choice.geometry}].insert(choice.phase);
  std::vector<TuneRow> result;
  for (const auto& [where, wanted] : phases) {
    const OpInfo* info = ops.find(where.first);
    if (info == nullptr || info->geometry.supporting == nullptr) continue;
    std::vector<std::string> candidates;
    for (const ImplementationInfo& i : info->implementations_on(options.device.kind)) {
      if (i.deterministic) candidates.emplace_back(i.name);
    }
    on_geometry(where.first, where.second);
    const std::string by_rule = info->geometry.supporting(where.second, options.device.kind).front();
    std::map<std::string, std::vector<OpMeasurement>> by_phase;
    for (OpMeasurement& row : measure_op(*info, info->geometry.as_case(where.second), options, candidates)) {
      row.geometry = where.second;
      if (wanted.count(row.phase) > 0) by_phase[row.phase].push_back(std::move(row));
    }
    for (const auto& [phase, rows] : by_phase) result.push_back(choose_fastest(rows, by_rule, margin));
  }
  return result;
}

}  // namespace primal
