// A TIFF in memory for libtiff, which reads and writes through callbacks. None of them lets an exception out,
// and libtiff's own messages are collected here instead of being printed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tiffio.h>
#include <vector>

namespace primal::codec {

class TiffStream {
 public:
  // For reading; the bytes must outlive the stream. libtiff takes no block larger than `max_block` bytes.
  TiffStream(std::span<const uint8_t> bytes, uint64_t max_block);
  // For writing: libtiff's mode, such as "wl8".
  explicit TiffStream(const std::string& mode);
  TiffStream(const TiffStream&) = delete;
  TiffStream& operator=(const TiffStream&) = delete;

  TIFF* get() const { return tiff_.get(); }  // null where it could not be opened

  // The first error since the last call of clear(), and the first warning of all but those of unknown private
  // tags; printable ASCII.
  const std::string& error() const { return error_; }
  const std::string& warning() const { return warning_; }
  void clear() { error_.clear(); }

  // Ends the writing. False where something could not be written.
  bool finish(std::vector<uint8_t>& out);

 private:
  struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  };
  void open(const char* mode, uint64_t max_block);
  std::span<const uint8_t> contents() const {
    return is_writer_ ? std::span<const uint8_t>(written_) : bytes_;
  }

  static tmsize_t read(thandle_t self, void* to, tmsize_t n);
  static tmsize_t write(thandle_t self, void* from, tmsize_t n);
  static toff_t seek(thandle_t self, toff_t offset, int whence);
  static toff_t size(thandle_t self);
  static int on_error(TIFF*, void* self, const char* module, const char* format, va_list values);
  static int on_warning(TIFF*, void* self, const char* module, const char* format, va_list values);

  std::span<const uint8_t> bytes_;
  std::vector<uint8_t> written_;
  bool is_writer_ = false, failed_ = false;
  uint64_t at_ = 0;
  std::string error_, warning_;
  std::unique_ptr<TIFF, Close> tiff_;
};

}  // namespace primal::codec
