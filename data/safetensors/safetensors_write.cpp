#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "data/file/file.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

const char* file_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::u8:
      return "U8";
  }
  return "?";
}

// Place of a type in the file: large elements first, so that each tensor starts at a multiple of its
// element's size; among equal sizes the order of the reference implementation.
int order_of(DType dtype) {
  switch (dtype) {
    case DType::i64:
      return 0;
    case DType::f64:
      return 1;
    case DType::f32:
      return 2;
    case DType::i32:
      return 3;
    case DType::u8:
      return 4;
  }
  return 5;
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// dump() refuses text that is not UTF-8, which JSON cannot hold.
std::string dump(const nlohmann::ordered_json& header, const std::filesystem::path& path) {
  try {
    return header.dump();
  } catch (const nlohmann::json::exception& error) {
    throw DataError("[safetensors] cannot write {}: a name or metadata is not UTF-8: {}", path.string(),
                    error.what());
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const Metadata& metadata) {
  std::vector<const TensorMap::value_type*> order;
  for (const auto& item : tensors) {
    if (item.first == "__metadata__") throw ShapeError("[safetensors] a tensor cannot be named __metadata__");
    if (!item.second.defined()) throw ShapeError("[safetensors] tensor \"{}\" is undefined", item.first);
    order.push_back(&item);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return order_of(a->second.dtype()) < order_of(b->second.dtype());  // names are in order already
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t at = 0;
  for (const auto* item : order) {
    const Tensor& t = item->second;
    header[item->first] = {
        {"dtype", file_type(t.dtype())},
        {"shape", std::vector<int64_t>(t.shape().extents().begin(), t.shape().extents().end())},
        {"data_offsets", {at, at + t.bytes()}}};
    at += t.bytes();
  }
  std::string text = dump(header, path);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();

  AtomicFile file(path);
  file.write({reinterpret_cast<const uint8_t*>(&length), sizeof length});
  file.write(bytes_of(text));
  for (const auto* item : order) {
    const Tensor& t = item->second;
    if (t.bytes() > 0) file.write({static_cast<const uint8_t*>(t.raw()), t.bytes()});
  }
  file.commit();
}

}  // namespace primal
