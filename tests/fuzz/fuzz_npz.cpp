// The reader of this format: what raster_target.h asks.
#include "data/image/npy/npy.h"
#include "fuzz/raster_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  fuzz::run({bytes, n}, codec::decode_npz, codec::is_npz, PictureFormat::npz);
  return 0;
}
