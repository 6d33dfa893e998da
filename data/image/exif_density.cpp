#include "data/image/exif_density.h"

#include <cmath>

#include "data/image/exif_block.h"

namespace primal::codec {
namespace {

constexpr uint32_t kXResolution = 0x011a, kYResolution = 0x011b, kUnit = 0x0128, kShort = 3, kRational = 5;

// A RATIONAL, two numbers of four bytes at the offset that the entry names; 0 where it is none.
double rational(const ExifBlock& exif, size_t entry) {
  if (exif.u16(entry + 2) != kRational || exif.u32(entry + 4) != 1) return 0.0;
  const size_t at = exif.u32(entry + 8);
  if (!exif.has(at, 8) || exif.u32(at + 4) == 0) return 0.0;
  return static_cast<double>(exif.u32(at)) / exif.u32(at + 4);
}

uint32_t per_metre(double density, double units_in_metre) {
  const double rounded = std::round(density * units_in_metre);
  return rounded >= 1.0 && rounded < 4e9 ? static_cast<uint32_t>(rounded) : 0u;
}

}  // namespace

PixelDensity exif_density(std::span<const uint8_t> block) {
  const ExifBlock exif(without_exif_start(block));
  if (!exif.is_valid()) return {};
  const size_t directory = exif.u32(4);
  if (!exif.has(directory, 2)) return {};
  double x = 0.0, y = 0.0;
  uint32_t unit = 2;  // the inch, which holds unless the block gives a unit
  for (size_t i = 0, n = exif.u16(directory); i < n; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (!exif.has(entry, 12)) break;
    const uint32_t tag = exif.u16(entry);
    if (tag == kXResolution) x = rational(exif, entry);
    if (tag == kYResolution) y = rational(exif, entry);
    if (tag == kUnit && exif.u16(entry + 2) == kShort) unit = exif.u16(entry + 8);
  }
  const double units_in_metre = unit == 2 ? 1.0 / 0.0254 : unit == 3 ? 100.0 : 0.0;
  return PixelDensity::stated(per_metre(x, units_in_metre), per_metre(y, units_in_metre));
}

}  // namespace primal::codec
