#include "tensor/device.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <sys/resource.h>
#include <unistd.h>

#include "tensor/backend.h"
#include "tensor/cuda/cuda_backend.h"
#include "tensor/error.h"
#include "tensor/rehearsal.h"
#include "tensor/simt/simt_backend.h"

namespace primal {
namespace {

class CpuBackend final : public Backend {
 public:
  std::shared_ptr<void> allocate(size_t bytes, size_t) override { return host_pool().allocate(bytes); }
  void from_host(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void to_host(void* to, const void* from, size_t bytes, size_t) override { copy(to, from, bytes); }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void zero(void* to, size_t bytes) override {
    if (bytes > 0) std::memset(to, 0, bytes);
  }
  void synchronize() override {}
  MemoryStats stats() const override { return host_pool().stats(); }
  void reset_peak() override { host_pool().reset_peak(); }
  MemoryPool* pool() override { return &host_pool(); }
};

// N of "cuda:N"; -1 for anything else.
int index_of(std::string_view text) {
  if (text == "cuda") return 0;
  if (!text.starts_with("cuda:")) return -1;
  text.remove_prefix(5);
  int index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() ? index : -1;
}

// The number behind `key` in a file of the system, in units of `unit` bytes; `otherwise` where there is none.
size_t number_in(const char* file, const std::string& key, size_t unit, size_t otherwise) {
  std::ifstream in(file);
  std::string word;
  while (!key.empty() && in >> word && word != key) {
  }
  size_t number = 0;
  return in >> number ? number * unit : otherwise;
}

// What this process can still get: of the machine's memory, within its own limit (ulimit -v) and its
// container's.
size_t free_host_memory() {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  const auto less = [](size_t limit, size_t used) { return limit > used ? limit - used : 0; };
  size_t free = number_in("/proc/meminfo", "MemAvailable:", 1024, 0);
  if (free == 0) return 0;  // not known
  free += number_in("/proc/meminfo", "SwapFree:", 1024, 0);
  const size_t group = number_in("/sys/fs/cgroup/memory.max", "", 1, kNone);
  if (group != kNone)
    free = std::min(free, less(group, number_in("/sys/fs/cgroup/memory.current", "", 1, 0)));
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    free = std::min(free, less(limit.rlim_cur, number_in("/proc/self/status", "VmSize:", 1024, 0)));
  return std::max<size_t>(free, 1);
}

}  // namespace

std::string_view name_of(Device::Kind kind) {
  switch (kind) {
    case Device::Kind::cpu:
      return "cpu";
    case Device::Kind::simt:
      return "simt";
    case Device::Kind::cuda:
      return "cuda";
  }
  return "?";
}

Device Device::parse(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "simt") return simt();
  const int index = index_of(text);
  if (index < 0) {
    throw DeviceError("[device] '{}' is not a device; expected auto, cpu, simt, cuda or cuda:N", text);
  }
  const std::string absent = cuda_status().absent;
  if (!absent.empty()) {
    throw DeviceError("[device] {} was asked for, but {}; `--device auto` takes what there is", text, absent);
  }
  if (index >= cuda::n_devices()) {
    throw DeviceError("[device] {} was asked for, but this machine has {} CUDA device{}: 0 to {}", text,
                      cuda::n_devices(), cuda::n_devices() == 1 ? "" : "s", cuda::n_devices() - 1);
  }
  return cuda(index);
}

std::string Device::str() const {
  return kind == Kind::cuda ? fmt::format("cuda:{}", index) : std::string(name_of(kind));
}

DeviceChoice choose_device() {
  const std::string absent = cuda_status().absent;
  if (!absent.empty()) return {Device{}, "no CUDA device: " + absent};
  return {Device::cuda(0), cuda::device_info(0).name};
}

std::vector<DeviceInfo> devices() {
  const auto memory =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t free = free_host_memory();
  std::vector<DeviceInfo> all{
      {Device{}, "the processor", memory, free, {}, 0, 0},
      {Device::simt(), "CUDA kernels emulated on the processor", memory, free, {}, 0, 0}};
  if (cuda_status().absent.empty()) {
    for (int i = 0; i < cuda::n_devices(); ++i) all.push_back(cuda::device_info(i));
  }
  return all;
}

CudaStatus cuda_status() { return cuda::status(); }

Backend& backend(Device device) {
  if (Backend* const counted = Rehearsal::stand_in()) return *counted;
  static auto& cpu = *new CpuBackend;
  switch (device.kind) {
    case Device::Kind::cpu:
      return cpu;
    case Device::Kind::simt:
      return simt::simt_backend();
    case Device::Kind::cuda:
      return cuda::cuda_backend(device.index);
  }
  throw DeviceError("[device] unknown kind {}", static_cast<int>(device.kind));
}

}  // namespace primal
