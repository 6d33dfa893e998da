// What a picture file holds besides its colour values: transparency, and how the colours are to be
// interpreted. It is copied from the file that is read to the file that is written.
//
// Sources: PNG specification, third edition, 11.3.2 (cHRM, gAMA, iCCP, sRGB); ICC.1:2022, 7.2 (the header of
//          a profile) and annex B (in files of pictures).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace primal {

struct ColourMeaning {
  std::vector<uint8_t> profile = {};   // ICC profile as stored in the file; empty: none
  std::optional<uint32_t> gamma = {};  // gAMA: 100000 times the exponent
  std::optional<std::array<uint32_t, 8>> chromaticities =
      {};                                        // cHRM: 100000 times x and y of white, red, green, blue
  std::optional<uint8_t> rendering_intent = {};  // sRGB

  bool operator==(const ColourMeaning&) const = default;
};

// The extras of a file that an Image is read from or written to.
struct ImageExtras {
  std::vector<uint16_t> alpha = {};  // levels [height, width]; empty: none
  ColourMeaning meaning = {};
};

// Longer profiles are left out.
inline constexpr size_t kMaxProfileBytes = size_t{1} << 24;

// "RGB", "GRAY", "CMYK": the colour space of a profile. Empty for bytes that are not a profile.
std::string profile_space(std::span<const uint8_t> profile);
bool fits_channels(std::span<const uint8_t> profile, int channels);

// "its colour profile has more than ... and is left out"
std::string profile_too_long_remark();

// Stores a profile that was found in a picture with this number of channels. A profile that is too long,
// damaged or for other colours is left out, with a remark that says so.
void take_profile(ColourMeaning& meaning, std::span<const uint8_t> profile, int channels,
                  std::vector<std::string>& remarks);

}  // namespace primal
