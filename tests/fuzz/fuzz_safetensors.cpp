// Any bytes are a safetensors file or a DataError that names them; of a file, every tensor can be asked for.
#include <cstdlib>

#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  try {
    const Safetensors file = Safetensors::parse({bytes, bytes + n}, "fuzz");
    uint64_t n_bytes = 0;
    for (const auto& [name, entry] : file.entries()) {
      n_bytes += entry.end - entry.begin;
      try {
        if (file.has_values(name) && static_cast<uint64_t>(file.values(name).numel()) != entry.elements)
          std::abort();
        const Tensor tensor = file.tensor(name);
        if (tensor.bytes() != entry.end - entry.begin) std::abort();
      } catch (const DataError&) {  // a type or rank that is not ours
      }
    }
    if (n_bytes > n) std::abort();
  } catch (const DataError& error) {
    if (std::string(error.what()).find("fuzz") == std::string::npos) std::abort();
  }
  return 0;
}
