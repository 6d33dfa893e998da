#include "data/safetensors/header.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "tensor/error.h"

namespace primal::safetensors {
namespace {

using Json = nlohmann::json;

constexpr std::array kTypes{FileType{"F64", 64, DType::f64, {}},  FileType{"F32", 32, DType::f32, {}},
                            FileType{"I64", 64, DType::i64, {}},  FileType{"I32", 32, DType::i32, {}},
                            FileType{"U8", 8, DType::u8, {}},     FileType{"F16", 16, {}, DType::f32},
                            FileType{"BF16", 16, {}, DType::f32}, FileType{"BOOL", 8, {}, DType::i32},
                            FileType{"I8", 8, {}, DType::i32},    FileType{"I16", 16, {}, DType::i32},
                            FileType{"U16", 16, {}, DType::i32},  FileType{"U32", 32, {}, DType::i64},
                            FileType{"U64", 64, {}, {}},          FileType{"C64", 64, {}, {}},
                            FileType{"F8_E4M3", 8, {}, {}},       FileType{"F8_E5M2", 8, {}, {}},
                            FileType{"F8_E8M0", 8, {}, {}},       FileType{"F8_E4M3FNUZ", 8, {}, {}},
                            FileType{"F8_E5M2FNUZ", 8, {}, {}},   FileType{"F6_E2M3", 6, {}, {}},
                            FileType{"F6_E3M2", 6, {}, {}},       FileType{"F4", 4, {}, {}}};

// What nlohmann's parser calls, value by value.
class Reader {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  Reader(const std::string& file, uint64_t data_bytes) : file_(file), data_bytes_(data_bytes) {}

  Header take() { return std::move(header_); }

  bool null() {
    if (place() == Place::root && is_metadata_)
      return true;  // no metadata, as the reference implementation reads it
    return unexpected("null");
  }
  bool boolean(bool value) { return unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) { return unexpected(fmt::format("{}", value)); }
  bool number_float(number_float_t, const string_t& text) { return unexpected(text); }
  bool binary(binary_t&) { return unexpected("bytes"); }

  bool number_unsigned(number_unsigned_t value) {
    if (place() != Place::list) return unexpected(fmt::format("{}", value));
    list_->push_back(value);
    return true;
  }

  bool string(string_t& value) {
    if (place() == Place::metadata) {
      header_.metadata[member_] = std::move(value);
      return true;
    }
    if (place() == Place::tensor && member_ == "dtype") {
      dtype_ = std::move(value);
      return true;
    }
    return unexpected(Json(value).dump());
  }

  bool start_object(std::size_t) {
    if (open_.empty()) return open(Place::root);
    if (place() == Place::root && is_metadata_) return open(Place::metadata);
    if (place() != Place::root) {
      unexpected("an object");
      return open(Place::unknown);
    }
    dtype_.reset();
    shape_.reset();
    offsets_.reset();
    return open(Place::tensor);
  }

  bool key(string_t& name) {
    if (place() == Place::root) {
      is_metadata_ = name == "__metadata__";
      const bool is_new = is_metadata_ ? !has_metadata_ : header_.entries.try_emplace(name).second;
      if (!is_new) twice(name);
      has_metadata_ = has_metadata_ || is_metadata_;
      name_ = std::move(name);
    } else {
      if (!keys_.back().insert(name).second) twice(name);
      if (place() != Place::unknown) member_ = std::move(name);
    }
    return true;
  }

  bool end_object() {
    if (place() == Place::tensor) header_.entries[name_] = finished_entry();
    return close();
  }

  bool start_array(std::size_t) {
    if (place() == Place::tensor && member_ == "shape") {
      list_ = &shape_.emplace();
    } else if (place() == Place::tensor && member_ == "data_offsets") {
      list_ = &offsets_.emplace();
    } else {
      if (place() != Place::root)
        unexpected("a list");  // in the root: when it ends, for it may be nested too deep
      return open(Place::unknown);
    }
    return open(Place::list);
  }

  bool end_array() {
    close();
    return place() == Place::root ? unexpected("a list") : true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    // The parser quotes the text around, which may be all metadata.
    throw DataError("[safetensors] {}: the header is not JSON: {:.160}", file_, error.what());
  }

 private:
  // What is open: the header's object, a tensor's or that of the metadata in it, a tensor's shape or offsets;
  // or anything inside a member that the format does not know, which is passed over.
  enum class Place { root, tensor, metadata, list, unknown };

  Place place() const { return open_.back(); }

  bool open(Place place) {
    constexpr size_t kMaxDepth = 4;
    if (open_.size() == kMaxDepth)
      throw DataError("[safetensors] {}: the header is nested deeper than {}", file_, kMaxDepth);
    open_.push_back(place);
    keys_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  // A value of a kind that its place does not have; one of a tensor is missed when its object ends.
  bool unexpected(const std::string& value) const {
    switch (place()) {
      case Place::root:
        if (!is_metadata_) missing("dtype", "a text");
        throw DataError("[safetensors] {}: __metadata__ needs an object, found {}", file_, value);
      case Place::metadata:
        throw DataError("[safetensors] {}: __metadata__ needs texts, \"{}\" is {}", file_, member_, value);
      case Place::list:
        throw DataError("{}: {} needs whole numbers of at least 0, found {}", where(), member_, value);
      case Place::tensor:
      case Place::unknown:
        break;
    }
    return true;
  }

  Safetensors::Entry finished_entry() const {
    if (!dtype_) missing("dtype", "a text");
    if (!shape_) missing("shape", "a list");
    if (!offsets_) missing("data_offsets", "a list");
    const FileType* type = find_type(*dtype_);
    if (type == nullptr) throw DataError("{} has the unknown element type \"{}\"", where(), *dtype_);
    Safetensors::Entry entry;
    entry.dtype = *dtype_;
    uint64_t n_elements = 1, n_bits = 0;
    for (const uint64_t extent : *shape_) {
      if (__builtin_mul_overflow(n_elements, extent, &n_elements) || extent > INT64_MAX ||
          n_elements > INT64_MAX || __builtin_mul_overflow(n_elements, type->bits, &n_bits)) {
        throw DataError("{} has more elements than a file can hold: shape [{}]", where(),
                        fmt::join(*shape_, ","));
      }
      entry.shape.push_back(static_cast<int64_t>(extent));
    }
    n_bits = n_elements * type->bits;
    if (offsets_->size() != 2)
      throw DataError("{} needs two data_offsets, found [{}]", where(), fmt::join(*offsets_, ","));
    entry.begin = offsets_->at(0);
    entry.end = offsets_->at(1);
    entry.elements = n_elements;
    if (entry.begin > entry.end || entry.end > data_bytes_) {
      throw DataError(
          "{} is at bytes [{},{}] of the data, of which the file has {}: truncated? copy it again", where(),
          entry.begin, entry.end, data_bytes_);
    }
    if (n_bits % 8 != 0) {
      throw DataError("{} of type {} and shape [{}] needs {} bits, which fill no whole number of bytes",
                      where(), entry.dtype, fmt::join(*shape_, ","), n_bits);
    }
    if (entry.end - entry.begin != n_bits / 8) {
      throw DataError("{} of type {} and shape [{}] needs {} bytes, its data_offsets [{},{}] span {}",
                      where(), entry.dtype, fmt::join(*shape_, ","), n_bits / 8, entry.begin, entry.end,
                      entry.end - entry.begin);
    }
    return entry;
  }

  [[noreturn]] void twice(const std::string& name) const {
    throw DataError("[safetensors] {}: the header has the key {} twice", file_, Json(name).dump());
  }
  [[noreturn]] void missing(const char* member, const char* kind) const {
    throw DataError("{} needs \"{}\", {}", where(), member, kind);
  }
  std::string where() const { return fmt::format("[safetensors] {}: tensor \"{}\"", file_, name_); }

  const std::string& file_;
  uint64_t data_bytes_;
  Header header_;
  std::vector<Place> open_;
  std::vector<std::set<std::string>> keys_;  // of each open object; those of the root are the entries
  bool is_metadata_ = false, has_metadata_ = false;
  std::string name_, member_;  // the key in the root, and in the object there
  std::optional<std::string> dtype_;
  std::optional<std::vector<uint64_t>> shape_, offsets_;
  std::vector<uint64_t>* list_ = nullptr;
};

}  // namespace

const FileType* find_type(std::string_view name) {
  const auto found = std::ranges::find(kTypes, name, &FileType::name);
  return found == kTypes.end() ? nullptr : &*found;
}

Header parse_header(std::string_view text, const std::string& file, uint64_t data_bytes) {
  Reader reader(file, data_bytes);
  Json::sax_parse(text, &reader);
  return reader.take();
}

}  // namespace primal::safetensors
