// Golden cases: an op's inputs and what must come out, one safetensors file each.
//
//   metadata   op, attrs (JSON), note
//   tensors    input.*     arguments
//              output.*    results that must come out
//              upstream.*  gradient of a scalar with respect to a result
//              grad.*      gradients that must come back
//
// A case is run by its op's run() and judged by its op's judge(), on every implementation of the op that
// supports it. A model's case is run by the rule first, then with each implementation of the ops below it
// forced, where that really runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensor/op/op.h"

namespace primal {

// The attribute under which load_golden() tells an op where its case lies, for what lies beside it.
inline constexpr const char* kCaseFolder = "case_folder";

struct GoldenCase {
  std::string path;
  std::string op;
  std::string note;
  OpCall call;
  TensorMap outputs;  // expected
  TensorMap grads;    // expected
};

struct GoldenRow {
  std::string path;
  std::string op;
  std::string implementation;                       // "blocked"; for a model "rule" or "conv3d=reference"
  double output_error = 0.0, output_allowed = 0.0;  // of the tensor nearest to its limit
  double grad_error = 0.0, grad_allowed = 0.0;      // allowed 0: the case has none
  bool ok = true;
  std::string message = {};  // which tensor fell short, or why the case could not run
};

// DataError where the file is no golden case.
GoldenCase load_golden(const std::filesystem::path& path, DType dtype);

// All rows of one case on a device. DeviceError where the device is lost or out of memory: that
// says nothing of the case.
std::vector<GoldenRow> run_golden(const GoldenCase& golden, const OpRegistry& ops, Device device = {});

// The same for a file; one that is no case is a row that failed. DeviceError names the file.
std::vector<GoldenRow> verify_file(const std::filesystem::path& path, DType dtype, const OpRegistry& ops,
                                   Device device = {});

// The .safetensors files among paths and the cases below the folders among them, by name; IoError for a
// path that is not there. A file found in a folder that names no op is no case (weights, say): stderr
// says so, and it is left out.
std::vector<std::filesystem::path> golden_files(const std::vector<std::string>& paths);

}  // namespace primal
