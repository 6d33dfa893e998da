// Any bytes are an IDX array, plain or compressed, or a DataError that names them; an array has the elements
// that its extents say, and comes back from its own bytes.
#include <cstdlib>

#include "data/idx/idx.h"
#include "tensor/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  IdxArray array;
  try {
    array = parse_idx({bytes, n}, "fuzz");
  } catch (const DataError& error) {
    if (std::string(error.what()).find("fuzz") == std::string::npos) std::abort();
    return 0;
  }
  size_t n_values = 1;
  for (const int64_t extent : array.extents) n_values *= static_cast<size_t>(extent);
  if (array.values.size() != n_values) std::abort();
  const IdxArray again = parse_idx(encode_idx(array), "again");
  if (again.extents != array.extents || again.values != array.values) std::abort();
  return 0;
}
