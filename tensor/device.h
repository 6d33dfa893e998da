// Device: where a tensor lives and where an op runs.
//
//   cpu      the processor; every build
//   simt     the emulation of a CUDA device on the processor (tensor/simt): the same kernels, slowly; every
//            build
//   cuda:N   the N-th CUDA device; builds with CUDA, machines with a device and its driver
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace primal {

struct Device {
  enum class Kind { cpu, simt, cuda };
  Kind kind = Kind::cpu;
  int index = 0;  // of a CUDA device

  static constexpr Device simt() { return {Kind::simt, 0}; }
  static constexpr Device cuda(int index = 0) { return {Kind::cuda, index}; }

  // "cpu", "simt", "cuda" (the first one), "cuda:1". DeviceError for another text, and for a device that this
  // build or machine does not have, saying why: nothing falls back.
  static Device parse(std::string_view text);
  std::string str() const;
  bool is_cpu() const { return kind == Kind::cpu; }
  bool operator==(const Device&) const = default;
};

// "cpu", "simt" or "cuda".
std::string_view name_of(Device::Kind kind);

// `--device auto`: the first CUDA device, else the CPU, and why.
struct DeviceChoice {
  Device device;
  std::string why;
};
DeviceChoice choose_device();

// What is known of a device of this machine.
struct DeviceInfo {
  Device device;
  std::string name;  // "NVIDIA H200"; of the CPU and the emulation what they are
  size_t memory_bytes = 0, free_memory_bytes = 0;  // 0: not known
  std::string architecture;                        // "sm_90"; empty where it says nothing
  int n_multiprocessors = 0;
  size_t l2_bytes = 0;
};

// Every device there is: the CPU, the emulation, and the CUDA devices.
std::vector<DeviceInfo> devices();

// Versions of what CUDA devices need, and why there is none.
struct CudaStatus {
  std::string runtime, driver;  // "13.0"; empty where this build or machine has none
  std::string absent;           // why no CUDA device can be used; empty where one can
};
CudaStatus cuda_status();

}  // namespace primal
