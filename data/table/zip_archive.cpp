#include "data/table/zip_archive.h"

#include <algorithm>
#include <zip.h>

#include "tensor/error.h"

namespace primal::table {
namespace {

// A zip_error_t that is released on every way out.
struct ZipError {
  zip_error_t error;
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  const char* text() { return zip_error_strerror(&error); }
};

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void ZipReader::Discard::operator()(zip* archive) const { zip_discard(archive); }

ZipReader::ZipReader(std::span<const uint8_t> bytes, std::string name, uint64_t max_bytes, double max_ratio)
    : name_(std::move(name)), bytes_left_(max_bytes), max_bytes_(max_bytes), max_ratio_(max_ratio) {
  ZipError error;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error);
  if (source == nullptr) throw DataError("[zip] cannot read {}: {}", name_, error.text());
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &error.error));  // owns the source from here on
  if (archive_ == nullptr) {
    zip_source_free(source);
    throw DataError("[zip] {} is a damaged or incomplete ZIP archive: {}", name_, error.text());
  }
}

std::optional<std::string> ZipReader::part(const std::string& part_name) {
  const zip_int64_t found = zip_name_locate(archive_.get(), part_name.c_str(), ZIP_FL_NOCASE);
  if (found < 0) return std::nullopt;
  const auto index = static_cast<zip_uint64_t>(found);
  const auto fail = [&](const std::string& why) {
    return DataError("[zip] {}, part {}: {}", name_, part_name, why);
  };
  zip_stat_t stat;
  if (zip_stat_index(archive_.get(), index, 0, &stat) != 0) throw fail(zip_strerror(archive_.get()));
  if ((stat.valid & ZIP_STAT_SIZE) == 0 || (stat.valid & ZIP_STAT_COMP_SIZE) == 0)
    throw fail("its size is unknown");
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
    throw fail("it is encrypted; save it without a password");
  if (stat.size > kAlwaysUnpackedBytes &&
      static_cast<double>(stat.size) > max_ratio_ * static_cast<double>(stat.comp_size)) {
    throw fail(fmt::format("{} bytes are packed into {}, more than {} to one: refused as a ZIP bomb",
                           stat.size, stat.comp_size, max_ratio_));
  }
  if (stat.size > bytes_left_) {
    throw fail(
        fmt::format("with its {} bytes more than {} would be unpacked; refused", stat.size, max_bytes_));
  }
  bytes_left_ -= stat.size;
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_.get(), index, 0));
  if (file == nullptr) throw fail(zip_strerror(archive_.get()));
  // The size is what the directory says: memory grows with what comes, and one byte too many is an error.
  std::string text;
  char buffer[1 << 14];
  for (;;) {
    const zip_int64_t n = zip_fread(file.get(), buffer, sizeof buffer);
    if (n < 0) throw fail(zip_file_strerror(file.get()));
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > stat.size) break;
  }
  if (text.size() != stat.size)
    throw fail(fmt::format("it unpacks to {} bytes, its directory says {}", text.size(), stat.size));
  return text;
}

std::vector<std::string> ZipReader::names() const {
  std::vector<std::string> names;
  const zip_int64_t n = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < n; ++i) {
    const char* const part_name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
    names.emplace_back(part_name == nullptr ? "" : part_name);
  }
  return names;
}

ZipReader::PartSize ZipReader::size_of(const std::string& part_name) const {
  zip_stat_t stat;
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat(archive_.get(), part_name.c_str(), 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded)
    throw DataError("[zip] {}: the size of a part is unknown", name_);
  return {stat.size, stat.comp_method != ZIP_CM_STORE};
}

std::string ZipReader::part_start(const std::string& part_name, size_t n) const {
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(archive_.get(), part_name.c_str(), 0));
  if (file == nullptr) throw DataError("[zip] {}: {}", name_, zip_strerror(archive_.get()));
  std::string start(n, '\0');
  size_t filled = 0;
  while (filled < n) {
    const zip_int64_t read = zip_fread(file.get(), start.data() + filled, n - filled);
    if (read < 0) throw DataError("[zip] {}: {}", name_, zip_file_strerror(file.get()));
    if (read == 0) break;
    filled += static_cast<size_t>(read);
  }
  start.resize(filled);
  return start;
}

std::vector<uint8_t> make_zip(const std::vector<std::pair<std::string, std::string>>& parts,
                              Packing packing) {
  ZipError error;
  const auto fail = [](const std::string& why) { return IoError("[zip] cannot make an archive: {}", why); };
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error.error);
  if (target == nullptr) throw fail(error.text());
  zip_source_keep(target);  // closing the archive gives up its hold; ours stays
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> hold(target, zip_source_free);
  zip_t* archive = zip_open_from_source(target, ZIP_TRUNCATE, &error.error);
  if (archive == nullptr) {
    zip_source_free(target);
    throw fail(error.text());
  }
  struct Discard {
    zip_t* archive;
    ~Discard() {
      if (archive != nullptr) zip_discard(archive);
    }
  } discard{archive};
  for (const auto& [name, text] : parts) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    if (source == nullptr) throw fail(zip_strerror(archive));
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      throw fail(zip_strerror(archive));
    }
    constexpr zip_uint16_t kMidnight = 0, kFirstDay = (1 << 5) | 1;  // 1 January 1980 in MS-DOS's format
    if (packing != Packing::automatic)
      zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                               packing == Packing::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0);
    zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), kMidnight, kFirstDay, 0);
  }
  if (zip_close(archive) != 0) throw fail(zip_strerror(archive));
  discard.archive = nullptr;
  zip_stat_t stat;
  if (zip_source_stat(target, &stat) != 0 || zip_source_open(target) != 0)
    throw fail(zip_error_strerror(zip_source_error(target)));
  std::vector<uint8_t> bytes(stat.size);
  size_t filled = 0;
  while (filled < bytes.size()) {
    const zip_int64_t n = zip_source_read(target, bytes.data() + filled, bytes.size() - filled);
    if (n <= 0) break;
    filled += static_cast<size_t>(n);
  }
  zip_source_close(target);
  if (filled != bytes.size()) throw fail("it could not be read back");
  return bytes;
}

}  // namespace primal::table
