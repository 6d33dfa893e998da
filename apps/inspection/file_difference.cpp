#include "apps/inspection/file_difference.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "apps/inspection/file_contents.h"
#include "apps/inspection/tensor_statistics.h"
#include "apps/shell/streams.h"

namespace primal {
namespace {

nlohmann::json compare_tensors(const Safetensors& a, const Safetensors& b) {
  nlohmann::json rows = nlohmann::json::array();
  std::set<std::string> names;
  for (const auto& [name, entry] : a.entries()) names.insert(name);
  for (const auto& [name, entry] : b.entries()) names.insert(name);
  for (const std::string& name : names) {
    if (!a.contains(name) || !b.contains(name)) {
      rows.push_back({{"tensor", name}, {"only_in", a.contains(name) ? a.name() : b.name()}});
      continue;
    }
    const Safetensors::Entry &ea = a.entries().at(name), &eb = b.entries().at(name);
    const std::string ta = ea.dtype + " " + shape_text(ea.shape), tb = eb.dtype + " " + shape_text(eb.shape);
    if (ta != tb) {
      rows.push_back({{"tensor", name}, {"first", ta}, {"second", tb}});
      continue;
    }
    if (!a.has_values(name)) {
      rows.push_back({{"tensor", name}, {"not_compared", ta}});
      continue;
    }
    const TensorDifference d = difference_of(a.values(name), b.values(name));
    if (d.equal) continue;
    rows.push_back(
        {{"tensor", name}, {"different", d.n_different}, {"largest", d.largest}, {"relative", d.relative}});
  }
  return rows;
}

nlohmann::json compare_metadata(const Metadata& a, const Metadata& b) {
  nlohmann::json rows = nlohmann::json::array();
  std::set<std::string> keys;
  for (const auto& [key, text] : a) keys.insert(key);
  for (const auto& [key, text] : b) keys.insert(key);
  const auto value = [](const Metadata& m, const std::string& key) {
    const auto found = m.find(key);
    return found == m.end() ? nlohmann::json() : metadata_value(found->second);
  };
  for (const std::string& key : keys) {
    const nlohmann::json va = value(a, key), vb = value(b, key);
    if (va == vb) continue;
    if (!va.is_object() || !vb.is_object()) {
      rows.push_back({{"metadata", key}, {"first", va}, {"second", vb}});
      continue;
    }
    // Both are objects, as configurations are: only the settings that differ are listed.
    nlohmann::json all = va;
    all.update(vb);
    for (const auto& [name, unused] : all.items()) {
      const nlohmann::json first = va.value(name, nlohmann::json()),
                           second = vb.value(name, nlohmann::json());
      if (first != second) {
        rows.push_back({{"metadata", key + ": " + name}, {"first", first}, {"second", second}});
      }
    }
  }
  return rows;
}

bool is_bookkeeping(const nlohmann::json& row) {
  static const std::set<std::string> keys{"implementations",
                                          "step_ms",
                                          "started_in",
                                          "config: output",
                                          "config: data.folder",
                                          "config: training.baselines",
                                          "config: training.checkpoint_seconds",
                                          "config: training.graph",
                                          "config: training.init",
                                          "config: training.keep",
                                          "config: training.log",
                                          "config: training.log_every",
                                          "config: training.prefetch",
                                          "config: training.resident_mb"};
  return row.contains("metadata") && keys.contains(row.at("metadata").get<std::string>());
}

}  // namespace

FileDifference difference_of(const Safetensors& a, const Safetensors& b) {
  FileDifference found;
  for (const nlohmann::json& rows : {compare_tensors(a, b), compare_metadata(a.metadata(), b.metadata())}) {
    for (const nlohmann::json& row : rows)
      (is_bookkeeping(row) ? found.bookkeeping : found.real).push_back(row);
  }
  return found;
}

void print_difference(const nlohmann::json& row) {
  const bool is_tensor = row.contains("tensor");
  const std::string name = row.at(is_tensor ? "tensor" : "metadata").get<std::string>();
  if (row.contains("only_in")) {
    put("{:<44} only in {}\n", name, row.at("only_in").get<std::string>());
  } else if (row.contains("not_compared")) {
    put("{:<44} {}: of a type this program does not read, not compared\n", name,
        row.at("not_compared").get<std::string>());
  } else if (row.contains("first")) {
    const auto text = [](const nlohmann::json& v) {
      if (v.is_null()) return std::string("(absent)");
      if (v.is_array()) return fmt::format("({} entries)", v.size());
      return v.is_string() ? v.get<std::string>() : v.dump();
    };
    put("{:<44} {} | {}\n", name, text(row.at("first")), text(row.at("second")));
  } else {
    put("{:<44} {} elements differ, by at most {:.3g}; relative {:.3g}\n", name,
        row.at("different").get<int64_t>(), row.at("largest").get<double>(),
        row.at("relative").get<double>());
  }
}

}  // namespace primal
