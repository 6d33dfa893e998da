// The reader of this format: what raster_target.h asks.
#include "data/image/nifti/nifti.h"
#include "fuzz/raster_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  fuzz::run({bytes, n}, codec::decode_nifti_gz, codec::is_nifti_gz, PictureFormat::nifti_gz);
  return 0;
}
