// Any text is a configuration or a ConfigError (TOML), or a DataError too (JSON, as a checkpoint holds it);
// what was accepted comes back from its JSON.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/training/config.h"
#include "tensor/error.h"

namespace {

void check_round_trip(const primal::TrainConfig& config) {
  const nlohmann::json json = primal::config_to_json(config);
  if (primal::config_to_json(primal::config_from_json(json)) != json) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  const std::string text(reinterpret_cast<const char*>(bytes), n);
  try {
    TrainConfig config;
    read_config_text(config, text, "fuzz");
    check_round_trip(config);
  } catch (const ConfigError&) {
  }
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return 0;
  try {
    check_round_trip(config_from_json(json));
  } catch (const ConfigError&) {
  } catch (const DataError&) {
  }
  return 0;
}
