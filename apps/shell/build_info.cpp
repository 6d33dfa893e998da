#include "apps/shell/build_info.h"

#include <CLI/Version.hpp>
#include <bit>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <hwy/base.h>
#include <hwy/highway.h>
#include <hwy/targets.h>
#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "build_commit.h"  // written by cmake/WriteCommit.cmake
#include "tensor/compiled_targets.h"

namespace primal {
namespace {

// Highway's targets as names, best first.
std::vector<std::string> target_names(int64_t targets) {
  std::vector<std::string> names;
  for (auto left = static_cast<uint64_t>(targets); left != 0; left &= left - 1) {
    names.emplace_back(hwy::TargetName(int64_t{1} << std::countr_zero(left)));
  }
  return names;
}

// Libraries that a build may lack have an empty version there.
std::string version_or_none(const char* version) { return *version == '\0' ? "not in this build" : version; }

BuildInfo make_build_info() {
  BuildInfo info;
  info.version = PRIMAL_VERSION;
  info.commit = PRIMAL_COMMIT;
  info.compiler = PRIMAL_COMPILER;
  info.build_type = PRIMAL_BUILD_TYPE;
  info.flags = PRIMAL_FLAGS;
  info.libraries = {
      {"cairo", PRIMAL_CAIRO_VERSION},
      {"CLI11", CLI11_VERSION},
      {"Eigen", PRIMAL_EIGEN_VERSION},
      {"protobuf", PRIMAL_PROTOBUF_VERSION},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH)},
      {"libjpeg API", PRIMAL_JPEG_VERSION},
      {"libpng", PRIMAL_PNG_VERSION},
      {"libtiff", version_or_none(PRIMAL_TIFF_VERSION)},
      {"libwebp", version_or_none(PRIMAL_WEBP_VERSION)},
      {"dcmtk", version_or_none(PRIMAL_DCMTK_VERSION)},
      {"libzip", PRIMAL_ZIP_VERSION},
      {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                    NLOHMANN_JSON_VERSION_PATCH)},
      {"MPI standard", version_or_none(PRIMAL_MPI_VERSION)},
      {"OpenMP", PRIMAL_OPENMP_VERSION},
      {"pugixml", PRIMAL_PUGIXML_VERSION},
      {"toml++", fmt::format("{}.{}.{}", TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH)},
  };
  info.instruction_sets = target_names(compiled_targets());
  info.usable_here = target_names(compiled_targets() & hwy::SupportedTargets());
#if PRIMAL_HAS_CUDA
  info.cuda = true;
#endif
  return info;
}

}  // namespace

const BuildInfo& build_info() {
  static const BuildInfo info = make_build_info();
  return info;
}

std::string version_text(const BuildInfo& info) {
  std::string libraries;
  for (const auto& [name, version] : info.libraries) {
    libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, version);
  }
  return fmt::format(
      "primal {}\n"
      "commit            {}\n"
      "compiler          {}, {}{}\n"
      "libraries         {}\n"
      "instruction sets  {}\n"
      "usable here       {}\n"
      "CUDA              {}",
      info.version, info.commit, info.compiler, info.build_type,
      info.flags.empty() ? std::string() : ", " + info.flags, libraries,
      fmt::join(info.instruction_sets, " "), fmt::join(info.usable_here, " "),
      info.cuda ? "in this build" : "not in this build");
}

nlohmann::json to_json(const BuildInfo& info) {
  nlohmann::json libraries;
  for (const auto& [name, version] : info.libraries) libraries[name] = version;
  return {{"version", info.version},
          {"commit", info.commit},
          {"compiler", info.compiler},
          {"build_type", info.build_type},
          {"flags", info.flags},
          {"libraries", libraries},
          {"cuda", info.cuda},
          {"instruction_sets", info.instruction_sets},
          {"usable_here", info.usable_here}};
}

}  // namespace primal
