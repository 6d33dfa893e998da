// In place of the other files here in a build without libtiff.
#include "data/formats/formats.h"
#include "data/image/tiff/tiff.h"

namespace primal::codec {

Raster decode_tiff(std::span<const uint8_t>, const std::string& name) {
  refuse_without_library(PictureFormat::tiff, name);
}
std::vector<uint8_t> encode_tiff(const Raster&, const PngText&) {
  refuse_without_library(PictureFormat::tiff, "");
}

}  // namespace primal::codec
