#include "nn/conv3d/onednn_api.h"

#include <dlfcn.h>
#include <filesystem>

#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFile = PRIMAL_ONEDNN_FILE;

OneDnnApi load() {
  void* library = dlopen(kFile, RTLD_NOW | RTLD_LOCAL);  // never closed
  if (library == nullptr) throw DeviceError("[onednn] not to be loaded: {}", dlerror());
  OneDnnApi api;
  const auto symbol = [&](const char* name) {
    void* found = dlsym(library, name);
    if (found == nullptr)
      throw DeviceError("[onednn] {} has no {}: another version than this build expects", kFile, name);
    return found;
  };
#define PRIMAL_ONEDNN_LOAD(name) api.name = reinterpret_cast<decltype(&::name)>(symbol(#name));
  PRIMAL_ONEDNN_FUNCTIONS(PRIMAL_ONEDNN_LOAD)
#undef PRIMAL_ONEDNN_LOAD
  return api;
}

}  // namespace

bool has_onednn() {
  static const bool there = [] {
    std::error_code error;
    return std::filesystem::exists(kFile, error);
  }();
  return there;
}

const OneDnnApi& onednn() {
  static const OneDnnApi api = load();
  return api;
}

dnnl_engine_t onednn_cpu() {
  static const dnnl_engine_t engine = [] {
    dnnl_engine_t made = nullptr;
    onednn_check(onednn().dnnl_engine_create(&made, dnnl_cpu, 0), "onednn", "begin");
    return made;
  }();
  return engine;
}

void onednn_check(dnnl_status_t status, const char* op, const char* what) {
  if (status == dnnl_success) return;
  throw DeviceError("[{}] oneDNN could not {}: {}", op, what, onednn().dnnl_status2str(status));
}

}  // namespace primal
