// Any bytes are an EXIF block, XMP, a raw profile, the start of a file and a text for a terminal: an
// orientation is 1 to 8, a profile is no longer than its text, and what is made visible is UTF-8 without
// control characters and stays as it is.
#include <cstdlib>
#include <string>

#include "apps/shell/visible_text.h"
#include "data/file/kind.h"
#include "data/image/orientation.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_orientation(std::optional<int> found) { check(!found || (*found >= 1 && *found <= 8)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  const std::span<const uint8_t> block(bytes, n);
  const std::string text(reinterpret_cast<const char*>(bytes), n);
  check_orientation(codec::exif_orientation(block));
  check_orientation(codec::xmp_orientation(text));
  check(codec::raw_profile(text).size() <= n / 2);
  codec::OrientationFinder finder;
  finder.append_exif(block.first(n / 2));
  finder.append_exif(block.subspan(n / 2));
  finder.add_raw_profile(text);
  finder.add_xmp(text);
  check_orientation(finder.orientation());
  if (const std::optional<FileKind> kind = kind_of(block, text)) check(!kind->name.empty());
  const std::string shown = visible(text);
  for (const char c : shown) check(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  check(visible(shown) == shown);
  return 0;
}
