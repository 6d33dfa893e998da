#include "apps/plans/plan_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "apps/shell/build_info.h"
#include "apps/shell/json_text.h"
#include "apps/shell/machine.h"
#include "data/file/file.h"
#include "model/json_depth.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFormat = "primal-plan";
constexpr int kVersion = 2;
constexpr uint64_t kMaxPlanBytes = uint64_t{4} << 20;

// One plan file while it is read: every message names the file and the place in it.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const OpRegistry& ops) : name_(path.string()), ops_(ops) {
    const std::vector<uint8_t> bytes = read_file(path, kMaxPlanBytes);
    if (is_nested_deeper({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kMaxJsonLevels))
      throw DataError("[plan] {} is nested deeper than {} levels: not a file of `primal tune`", name_,
                      kMaxJsonLevels);
    try {
      json_ = nlohmann::json::parse(bytes);
    } catch (const nlohmann::json::parse_error& error) {
      throw DataError("[plan] {} is not JSON from byte {} on: not a file of `primal tune`", name_,
                      error.byte);
    }
  }

  PlanFile read() {
    if (!json_.is_object() || json_.value("format", nlohmann::json()) != kFormat) {
      throw DataError("[plan] {}: 'format' is not \"{}\": not a file of `primal tune`", name_, kFormat);
    }
    if (json_.value("version", nlohmann::json()) != kVersion) {
      throw DataError("[plan] {}: version {}, this program reads version {}; run `primal tune` again", name_,
                      json_.value("version", nlohmann::json()).dump(), kVersion);
    }
    PlanFile file;
    file.build = text(json_, "build", "");
    const nlohmann::json& machine = at(json_, "machine", "");
    file.cpu = text(machine, "cpu", "machine");
    file.instruction_set = text(machine, "instruction_set", "machine");
    const nlohmann::json& threads = at(machine, "threads", "machine");
    if (!threads.is_number_integer() || threads < 1 || threads > 4096)
      throw DataError("[plan] {}: machine.threads must be 1 to 4096, found {}", name_, threads.dump());
    file.threads = threads.get<int>();
    const nlohmann::json& device = at(json_, "device", "");
    file.device = kind_ = kind(text(device, "kind", "device"));
    file.device_name = text(device, "name", "device");
    const nlohmann::json& entries = at(json_, "entries", "");
    if (!entries.is_array()) throw DataError("[plan] {}: 'entries' must be a list", name_);
    for (size_t i = 0; i < entries.size(); ++i)
      file.entries.push_back(entry(entries[i], fmt::format("entries[{}]", i)));
    return file;
  }

 private:
  const nlohmann::json& at(const nlohmann::json& object, const char* key, const std::string& where) const {
    const std::string place = where.empty() ? key : where + "." + key;
    if (!object.is_object() || !object.contains(key))
      throw DataError("[plan] {}: {} is missing", name_, place);
    return object.at(key);
  }

  std::string text(const nlohmann::json& object, const char* key, const std::string& where) const {
    const nlohmann::json& value = at(object, key, where);
    if (!value.is_string()) {
      throw DataError("[plan] {}: {}{}{} must be text, found {}", name_, where, where.empty() ? "" : ".", key,
                      value.dump());
    }
    return value.get<std::string>();
  }

  Device::Kind kind(const std::string& name) const {
    for (const Device::Kind one :
         {Device::Kind::cpu, Device::Kind::cuda}) {  // the emulation is never measured
      if (name == name_of(one)) return one;
    }
    throw DataError("[plan] {}: device.kind must be cpu or cuda, found '{}'", name_, name);
  }

  PlanEntry entry(const nlohmann::json& json, const std::string& where) const {
    PlanEntry entry;
    ImplementationChoice& c = entry.choice;
    c = {text(json, "op", where), text(json, "phase", where), text(json, "geometry", where),
         text(json, "implementation", where)};
    const OpInfo* op = ops_.find(c.op);
    if (op == nullptr)
      throw DataError("[plan] {}: {}.op: unknown op '{}'; `primal check --list` lists all ops", name_, where,
                      c.op);
    if (op->geometry.supporting == nullptr)
      throw DataError("[plan] {}: {}.op: {} has only one implementation, so there is nothing to plan", name_,
                      where, c.op);
    if (std::ranges::count(op->implementations, c.implementation, &ImplementationInfo::name) == 0) {
      throw DataError("[plan] {}: {}.implementation: {} has no implementation '{}'; it has: {}", name_, where,
                      c.op, c.implementation, op->implementation_names());
    }
    try {
      if (std::ranges::count(op->geometry.supporting(c.geometry, kind_), c.implementation) == 0) {
        throw DataError("{} does not support '{}' on {}", c.implementation, c.geometry, name_of(kind_));
      }
      check_phase(*op, c.phase, c.geometry);
    } catch (const DataError& error) {
      throw DataError("[plan] {}: {}: {}", name_, where, error.what());
    }
    if (json.contains("milliseconds")) {
      const nlohmann::json& times = json.at("milliseconds");
      if (!times.is_object())
        throw DataError("[plan] {}: {}.milliseconds must be an object, found {}", name_, where, times.dump());
      for (const auto& [name, ms] : times.items()) {
        if (!ms.is_number())
          throw DataError("[plan] {}: {}.milliseconds.{} must be a number, found {}", name_, where, name,
                          ms.dump());
        entry.ms[name] = ms.get<double>();
      }
    }
    return entry;
  }

  // The phases of an op are those it counts the cost of.
  static void check_phase(const OpInfo& op, const std::string& phase, const std::string& geometry) {
    const OpCase op_case = op.geometry.as_case(geometry);
    OpShapes shapes;
    for (const OpInput& input : op_case.inputs) shapes.inputs[input.name] = input.shape;
    shapes.outputs["y"] = op_case.inputs.front().shape;  // what the costs are does not matter here
    shapes.attrs = op_case.attrs;
    std::string names;
    for (const auto& [name, cost] : op.cost(shapes)) {
      if (name == phase) return;
      names += fmt::format(" {}", name);
    }
    throw DataError("{} has no phase '{}'; it has:{}", op.name, phase, names);
  }

  std::string name_;
  const OpRegistry& ops_;
  nlohmann::json json_;
  Device::Kind kind_ = Device::Kind::cpu;  // of device the plan is of
};

}  // namespace

PlanPointer PlanFile::plan() const {
  const auto plan = std::make_shared<ImplementationPlan>();
  for (const PlanEntry& entry : entries) plan->set(entry.choice);
  return plan;
}

PlanFile plan_file_here(Device device) {
  const Machine machine = this_machine();
  PlanFile file{build_info().version,    device.kind,     {}, machine.cpu,
                machine.instruction_set, machine.threads, {}};
  for (const DeviceInfo& info : devices()) {
    if (info.device == device) file.device_name = info.name;
  }
  return file;
}

nlohmann::json to_json(const std::vector<ImplementationChoice>& choices) {
  nlohmann::json list = nlohmann::json::array();
  for (const ImplementationChoice& c : choices) {
    list.push_back(
        {{"op", c.op}, {"phase", c.phase}, {"geometry", c.geometry}, {"implementation", c.implementation}});
  }
  return list;
}

nlohmann::json to_json(const PlanFile& file) {
  nlohmann::json entries = nlohmann::json::array();
  for (const PlanEntry& entry : file.entries) {
    nlohmann::json json = to_json(std::vector{entry.choice}).front();
    json["milliseconds"] = entry.ms;
    entries.push_back(std::move(json));
  }
  return {
      {"format", kFormat},
      {"version", kVersion},
      {"build", file.build},
      {"machine", {{"cpu", file.cpu}, {"instruction_set", file.instruction_set}, {"threads", file.threads}}},
      {"device", {{"kind", name_of(file.device)}, {"name", file.device_name}}},
      {"entries", entries}};
}

void write_plan(const std::filesystem::path& path, const PlanFile& file) {
  const std::string text = json_text(to_json(file), 2) + "\n";
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

PlanFile read_plan(const std::filesystem::path& path, const OpRegistry& ops) {
  return Reader(path, ops).read();
}

void require_kind(const PlanFile& file, const std::filesystem::path& path, Device device) {
  if (file.device == device.kind) return;
  throw ConfigError(
      "[plan] {} was measured on {} ({}) and says nothing about {}; give --device {}, or no --plan",
      path.string(), name_of(file.device), file.device_name, device.str(), name_of(file.device));
}

std::vector<std::string> plan_warnings(const PlanFile& file, const PlanFile& here) {
  std::vector<std::string> lines;
  const auto compare = [&](const char* what, const std::string& then, const std::string& now) {
    if (then != now)
      lines.push_back(fmt::format("it was measured with {} '{}', here it is '{}'", what, then, now));
  };
  if (file.device == Device::Kind::cpu) {
    compare("processor", file.cpu, here.cpu);
    compare("instruction set", file.instruction_set, here.instruction_set);
    compare("threads", fmt::format("{}", file.threads), fmt::format("{}", here.threads));
  } else {
    compare("device", file.device_name, here.device_name);
  }
  compare("version", file.build, here.build);
  return lines;
}

}  // namespace primal
