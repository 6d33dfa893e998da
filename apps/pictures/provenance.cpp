#include "apps/pictures/provenance.h"

#include <algorithm>
#include <fmt/format.h>

#include "apps/shell/build_info.h"

namespace primal {

PngText settings_text(const PictureDenoisingOptions& options, const std::string& range,
                      NoiseKind noise_kind) {
  const BuildInfo& info = build_info();
  PngText text{{"Software", fmt::format("primal {} ({})", info.version, info.commit)}};
  text["Primal level range"] = range;
  if (options.gap > 0.0) text["Primal gap"] = fmt::format("{}", options.gap);
  if (options.size > 0) text["Primal size"] = fmt::format("{}", options.size);
  if (options.noise) text["Primal noise added"] = fmt::format("{} {}", name_of(noise_kind), *options.noise);
  return text;
}

std::string latin_text(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace primal
