// safetensors: named tensors and text metadata in one file.
//
//   bytes 0 .. 7      N, u64 little endian
//   bytes 8 .. 7+N    JSON object, may end in spaces: "name": {"dtype": "F32", "shape": [2, 3],
//                     "data_offsets": [begin, end]}, ... and, optional, "__metadata__":
//                     {"key": "value", ...}
//   bytes 8+N ..      the data: tensors row-major, little endian. Offsets count from here; the tensors cover
//                     the data without holes or overlaps
//
// Reading trusts nothing. On opening, DataError (with the file's name, what was expected and found) for: a
// header that is longer than 100 MB or than the file, is no JSON object, has a key twice or members of wrong
// kinds; an element type the format does not have; offsets out of range, holes, overlaps; a size that does
// not follow from type and shape; metadata that is not text (null is none). A file of another kind is named
// ("a JPEG picture"). A type of the format that Primal has no tensors of (F16, BF16, BOOL, ...) is an error
// only when that tensor is asked for.
//
// Writing sorts by element type, then by name, as the reference implementation does (so that every tensor is
// aligned), pads the header with spaces to a multiple of 8, and leaves a whole file or none
// (data/file/file.h).
//
// Source: github.com/huggingface/safetensors, README and safetensors/src/tensor.rs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensor/op/op.h"
#include "tensor/tensor.h"

namespace primal {

using Metadata = std::map<std::string, std::string>;

class Safetensors {
 public:
  struct Entry {
    std::string dtype;  // as the file names it: "F32"
    std::vector<int64_t> shape;
    uint64_t begin = 0, end = 0;  // bytes in the data
    uint64_t elements = 0;        // F4 and F6_* share bytes
  };

  static Safetensors read(const std::filesystem::path& path);
  // The same for bytes in memory; `name` is what errors call them.
  static Safetensors parse(std::vector<uint8_t> bytes, const std::string& name);

  const std::string& name() const { return name_; }
  const Metadata& metadata() const { return metadata_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  bool contains(const std::string& tensor) const { return entries_.contains(tensor); }

  // A copy of a tensor. DataError when there is none of that name, or its type or rank is not ours.
  Tensor tensor(const std::string& tensor) const;
  TensorMap tensors() const;  // all of them

  // The values of a tensor of any rank, flat, to look at: F16 and BF16 become f32, BOOL, I8, I16 and U16 i32,
  // U32 i64. The name must be there. Values of type U64 or C64, and floats of fewer than 16 bits, are not
  // read (has_values; DataError).
  bool has_values(const std::string& tensor) const;
  Tensor values(const std::string& tensor) const;

  uint32_t crc32() const;  // as crc32_of(tensors()), of tensors of any type

 private:
  std::string name_;
  std::vector<uint8_t> bytes_;
  uint64_t data_start_ = 0;
  std::map<std::string, Entry> entries_;
  Metadata metadata_;
};

// CRC-32 (the one of zlib and PNG) of the tensors, in the order of their names: of each the name, a zero and
// the bytes.
uint32_t crc32_of(const TensorMap& tensors);

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const Metadata& metadata = {});

}  // namespace primal
