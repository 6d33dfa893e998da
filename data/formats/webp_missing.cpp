// In place of webp.cpp in a build without libwebp.
#include "data/formats/formats.h"
#include "data/image/webp/webp.h"

namespace primal::codec {

Raster decode_webp(std::span<const uint8_t>, const std::string& name) {
  refuse_without_library(PictureFormat::webp, name);
}
std::vector<uint8_t> encode_webp(const Raster&) { refuse_without_library(PictureFormat::webp, ""); }

}  // namespace primal::codec
