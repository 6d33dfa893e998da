#include "data/image/extras.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace primal {
namespace {

// A profile: its length in bytes 0 to 3, the space of its colours at 16, "acsp" at 36.
constexpr size_t kHeaderBytes = 128, kSpace = 16, kSign = 36;

}  // namespace

std::string profile_space(std::span<const uint8_t> profile) {
  if (profile.size() < kHeaderBytes || std::memcmp(profile.data() + kSign, "acsp", 4) != 0) return "";
  const size_t length =
      size_t{profile[0]} << 24 | size_t{profile[1]} << 16 | size_t{profile[2]} << 8 | profile[3];
  if (length < kHeaderBytes || length > profile.size()) return "";
  std::string space(reinterpret_cast<const char*>(profile.data()) + kSpace, 4);
  while (!space.empty() && space.back() == ' ') space.pop_back();
  const bool is_name = std::ranges::all_of(space, [](char c) { return c > ' ' && c <= '~'; });
  return is_name ? space : "";
}

bool fits_channels(std::span<const uint8_t> profile, int channels) {
  return profile_space(profile) == (channels == 3 ? "RGB" : "GRAY");
}

std::string profile_too_long_remark() {
  return fmt::format("its colour profile has more than {} bytes and is left out", kMaxProfileBytes);
}

void take_profile(ColourMeaning& meaning, std::span<const uint8_t> profile, int channels,
                  std::vector<std::string>& remarks) {
  if (profile.empty()) return;
  const std::string space = profile_space(profile);
  if (profile.size() > kMaxProfileBytes) {
    remarks.push_back(profile_too_long_remark());
  } else if (space.empty()) {
    remarks.push_back("its colour profile is damaged and is left out");
  } else if (!fits_channels(profile, channels)) {
    remarks.push_back(fmt::format("its colour profile is for {}, not for {}, and is left out", space,
                                  channels == 3 ? "RGB" : "grey"));
  } else {
    meaning.profile.assign(profile.begin(), profile.end());
  }
}

}  // namespace primal
