#include "tensor/vendor/onednn_api.h"

#include <filesystem>

#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kFile = PRIMAL_ONEDNN_FILE;

}  // namespace

bool has_onednn() {
  static const bool there = [] {
    std::error_code error;
    return std::filesystem::exists(kFile, error);
  }();
  return there;
}

const OneDnnApi& onednn() {
  static const VendorApi<OneDnnApi> library({.name = "oneDNN", .file = kFile, .root = {}, .of_python = {}});
  return library.functions();
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
