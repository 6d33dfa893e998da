#include "apps/golden/golden.h"

#include <algorithm>
#include <cmath>

#include "apps/shell/streams.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct Worst {
  double error = 0.0, allowed = 0.0;
  std::string tensor;

  // Keeps the tensor that is nearest to (or furthest beyond) its limit.
  void meet(const std::string& name, const Verdict& v) {
    if (std::isinf(v.allowed)) return;
    const double here = v.error / v.allowed, before = allowed > 0.0 ? error / allowed : -1.0;
    if (!(here <= before)) *this = {v.error, v.allowed, name};
  }
};

// What an op made of a case, or why it could not.
struct Ran {
  OpResult result;
  std::string error;
};

Ran run_case(const GoldenCase& golden, const OpInfo& op) {
  try {
    return {op.run(golden.call), {}};
  } catch (const DeviceError&) {
    throw;
  } catch (const Error& error) {
    return {{}, error.what()};
  }
}

GoldenRow judge_case(const GoldenCase& golden, const OpInfo& op, const Ran& ran,
                     const std::string& implementation, double factor) {
  GoldenRow row{golden.path, golden.op, implementation};
  const auto fail = [&](const std::string& why) {
    row.ok = false;
    row.message += (row.message.empty() ? "" : "; ") + why;
  };
  const auto judge = [&](const std::string& kind, const TensorMap& got, const TensorMap& expected) {
    Worst worst;
    for (const auto& [name, wanted] : expected) {
      const auto found = got.find(name);
      if (found == got.end()) {
        fail(fmt::format("[verify] {} gives no {}{}", golden.op, kind, name));
        continue;
      }
      if (found->second.shape() != wanted.shape()) {
        fail(fmt::format("[verify] {}{}: expected shape {}, got {}", kind, name, wanted.shape().str(),
                         found->second.str()));
        continue;
      }
      Verdict v = op.judge(kind + name, found->second, wanted, golden.call);
      v.allowed *= factor;
      worst.meet(kind + name, v);
      if (!v.pass())
        fail(fmt::format("{}{}: {} error {:.3g}, allowed {:.3g}", kind, name, v.measure, v.error, v.allowed));
    }
    return worst;
  };
  if (!ran.error.empty()) {
    fail(ran.error);
    return row;
  }
  const Worst output = judge("output.", ran.result.outputs, golden.outputs);
  const Worst grad = judge("grad.", ran.result.grads, golden.grads);
  row.output_error = output.error;
  row.output_allowed = output.allowed;
  row.grad_error = grad.error;
  row.grad_allowed = grad.allowed;
  return row;
}

// Whether a file found in a folder is to be run. One that cannot be read is: its row says why.
bool is_case(const fs::path& path) {
  try {
    if (Safetensors::read(path).metadata().contains("op")) return true;
  } catch (const Error&) {
    return true;
  }
  say("[verify] {} does not name an op, so it is not a case and is left out\n", path.string());
  return false;
}

}  // namespace

GoldenCase load_golden(const fs::path& path, DType dtype) {
  const Safetensors file = Safetensors::read(path);
  GoldenCase golden;
  golden.path = path.string();
  const Metadata& metadata = file.metadata();
  const auto op = metadata.find("op");
  if (op == metadata.end())
    throw DataError("[verify] {}: its metadata has no `op`, so it is not a golden case", path.string());
  golden.op = op->second;
  if (const auto note = metadata.find("note"); note != metadata.end()) golden.note = note->second;
  golden.call.name = path.stem().string();
  if (const auto attrs = metadata.find("attrs"); attrs != metadata.end()) {
    try {
      golden.call.attrs = Attributes::parse(attrs->second);
    } catch (const DataError& error) {
      throw DataError("[verify] {}: {}", path.string(), error.what());
    }
  }
  golden.call.attrs[kCaseFolder] = fs::absolute(path).parent_path().string();
  for (const auto& [name, tensor] : file.tensors()) {
    const Tensor value = is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor;
    const auto put = [&, &name = name](const std::string& prefix,
                                       TensorMap& map) {  // clang 14 wants it named
      if (!name.starts_with(prefix)) return false;
      map[name.substr(prefix.size())] = value;
      return true;
    };
    if (!put("input.", golden.call.inputs) && !put("output.", golden.outputs) &&
        !put("upstream.", golden.call.upstream) && !put("grad.", golden.grads)) {
      throw DataError("[verify] {}: tensor {} is none of input., output., upstream., grad.", path.string(),
                      name);
    }
  }
  return golden;
}

std::vector<GoldenRow> run_golden(const GoldenCase& on_cpu, const OpRegistry& ops, Device device) {
  GoldenCase golden = on_cpu;
  golden.call.device = device;
  const OpInfo* op = ops.find(golden.op);
  if (op == nullptr) {
    GoldenRow row{golden.path, golden.op, "none"};
    row.ok = false;
    row.message = fmt::format("unknown op {}", golden.op);
    return {row};
  }
  // The op by its own rule: for a model this is how it is used, and it shows which ops lie below.
  std::vector<GoldenRow> rows;
  const ImplementationScope rule;
  const Ran by_rule = run_case(golden, *op);
  rows.push_back(judge_case(golden, *op, by_rule, "rule", 1.0));
  const bool in_f64 = std::ranges::any_of(
      golden.call.inputs, [](const auto& input) { return input.second.dtype() == DType::f64; });
  for (const OpInfo& below : ops.ops()) {
    const std::vector<ImplementationInfo> there = below.implementations_on(device.kind);
    std::vector<ImplementationChoice> chosen = rule.choices();
    std::erase_if(chosen, [&](const ImplementationChoice& choice) { return choice.op != below.name; });
    if (there.size() < 2 || chosen.empty()) continue;
    for (const ImplementationInfo& implementation : there) {
      const auto was_chosen = [&](const ImplementationChoice& choice) {
        return choice.implementation == implementation.name;
      };
      const auto could_be = [&](const ImplementationChoice& choice) {
        // The rule takes the first there is: where that is the last, there are no others in f64.
        if (in_f64 && choice.implementation == kReference) return false;
        if (below.geometry.supporting == nullptr) return true;
        const std::vector<std::string> names = below.geometry.supporting(choice.geometry, device.kind);
        return std::ranges::count(names, implementation.name) > 0;
      };
      // An implementation may be allowed more than its op; a model that uses it is not.
      const bool is_op = below.name == op->chooser();
      const double factor = is_op ? implementation.tolerance_factor : 1.0;
      const std::string name =
          is_op ? std::string(implementation.name) : fmt::format("{}={}", below.name, implementation.name);
      if (std::ranges::all_of(chosen, was_chosen)) {  // the run by rule was this one
        rows.push_back(judge_case(golden, *op, by_rule, name, factor));
        continue;
      }
      if (std::ranges::none_of(chosen, could_be)) continue;
      const ImplementationScope forced(below.name, implementation.name);
      const Ran ran = run_case(golden, *op);
      if (forced.used(below.name, implementation.name))
        rows.push_back(judge_case(golden, *op, ran, name, factor));
    }
  }
  // An op of several implementations has a row for each that ran; the rule is one of them.
  const std::vector<ImplementationInfo> there = op->implementations_on(device.kind);
  if (there.size() >= 2 && rows.size() > 1) rows.erase(rows.begin());
  if (there.size() == 1 && rows.size() == 1) rows[0].implementation = there[0].name;
  return rows;
}

std::vector<GoldenRow> verify_file(const fs::path& path, DType dtype, const OpRegistry& ops, Device device) {
  try {
    return run_golden(load_golden(path, dtype), ops, device);
  } catch (const DeviceError& error) {
    throw DeviceError("[verify] stopped at {}: {}", path.string(), error.what());
  } catch (const Error& error) {
    GoldenRow row{path.string(), "?", "none"};
    row.ok = false;
    row.message = error.what();
    return {row};
  }
}

std::vector<fs::path> golden_files(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      fs::recursive_directory_iterator entry(path, error);
      for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        std::error_code unreadable;  // a dangling link is no case
        if (entry->is_regular_file(unreadable) && entry->path().extension() == ".safetensors" &&
            is_case(entry->path()))
          files.push_back(entry->path());
      }
      if (error) throw IoError("[verify] cannot read the folder {}: {}", path, error.message());
    } else if (fs::exists(path, error)) {
      files.emplace_back(path);
    } else {
      throw IoError("[verify] {}: {}", path, error ? error.message() : "No such file or directory");
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace primal
