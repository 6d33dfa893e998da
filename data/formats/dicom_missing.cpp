// In place of the files of image/dicom in a build without dcmtk.
#include "data/formats/formats.h"
#include "data/image/dicom/dicom.h"

namespace primal::codec {

Raster decode_dicom(std::span<const uint8_t>, const std::string& name) {
  refuse_without_library(PictureFormat::dicom, name);
}
std::vector<uint8_t> encode_dicom(const Raster&, const PngText&) {
  refuse_without_library(PictureFormat::dicom, "");
}
const char* secondary_capture_class(const Raster&) { refuse_without_library(PictureFormat::dicom, ""); }

}  // namespace primal::codec
