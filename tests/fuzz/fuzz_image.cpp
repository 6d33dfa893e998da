// Any bytes are a picture or a DataError that names them. A picture is whole, and comes back from our own PNG
// unchanged.
#include <cstdlib>

#include "data/image/image.h"
#include "tensor/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  Image image;
  try {
    image = decode_image({bytes, n}, "fuzz");
  } catch (const DataError& error) {
    if (std::string(error.what()).find("fuzz") == std::string::npos) std::abort();
    return 0;
  }
  const auto n_levels = static_cast<size_t>(image.width * image.height * image.channels);
  if (image.levels.size() != n_levels) std::abort();
  for (const uint16_t level : image.levels) {
    if (level > image.max_level()) std::abort();
  }
  image.had_alpha = false;  // PNG of ours has none, and nothing to remark
  image.remarks.clear();
  if (n_levels < 100000 && !(decode_image(encode_png(image), "again") == image)) std::abort();
  return 0;
}
