// The reader of this format: what raster_target.h asks.
#include "data/image/dicom/dicom.h"
#include "fuzz/raster_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  fuzz::run({bytes, n}, codec::decode_dicom, codec::is_dicom, PictureFormat::dicom);
  return 0;
}
