// The devices on which this build can compute on this machine: processor, emulation, CUDA devices;
// libraries, and what is absent.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace primal {

// To standard output, a few lines for each.
void print_devices();

nlohmann::json devices_json();

}  // namespace primal
