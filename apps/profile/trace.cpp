#include "apps/profile/trace.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <set>

namespace primal {
namespace {

nlohmann::json arguments_of(const RangeRecord& record) {
  nlohmann::json args = nlohmann::json::object();
  if (!record.layer.empty()) args["layer"] = record.layer;
  if (!record.detail.geometry.empty()) args["shapes"] = record.detail.geometry;
  if (!record.detail.implementation.empty()) args["implementation"] = record.detail.implementation;
  const Cost& cost = record.detail.cost;
  if (cost.bytes > 0.0) {
    args["MFLOP"] = 1e-6 * cost.flops;
    args["MB"] = 1e-6 * cost.bytes;
    if (record.duration_us > 0.0) args["GFLOP/s"] = 1e-3 * cost.flops / record.duration_us;
  }
  return args;
}

nlohmann::json name_event(const char* what, int thread, const std::string& name) {
  return {{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", thread}, {"args", {{"name", name}}}};
}

}  // namespace

nlohmann::json trace_events(const std::vector<RangeRecord>& records, const std::string& process) {
  nlohmann::json events = nlohmann::json::array();
  events.push_back(name_event("process_name", 0, process));
  std::set<int> threads;
  for (const RangeRecord& record : records) {
    if (threads.insert(record.thread).second) {
      events.push_back(name_event("thread_name", record.thread,
                                  record.thread == 0 ? "main" : fmt::format("thread {}", record.thread)));
    }
    events.push_back({{"name", record.name},
                      {"cat", record.phase.empty() ? "forward" : record.phase},
                      {"ph", "X"},
                      {"ts", record.start_us},
                      {"dur", record.duration_us},
                      {"pid", 1},
                      {"tid", record.thread},
                      {"args", arguments_of(record)}});
  }
  return {{"traceEvents", events}, {"displayTimeUnit", "ms"}};
}

}  // namespace primal
