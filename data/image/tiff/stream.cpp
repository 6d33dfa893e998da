#include "data/image/tiff/stream.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace primal::codec {
namespace {

TiffStream& stream_of(thandle_t handle) { return *static_cast<TiffStream*>(handle); }

using Message = std::array<char, 256>;

Message formatted(const char* format, va_list values) noexcept {
  Message message{};
  std::vsnprintf(message.data(), message.size(), format, values);
  return message;
}

// Programs put what they like into tags from 32768 on. libtiff warns of each that it does not know, which
// tells nobody what a picture has lost.
bool is_on_private_tag(std::string_view warning) noexcept {
  constexpr std::string_view kStart = "Unknown field with tag ";
  constexpr int kFirstPrivate = 32768;
  if (!warning.starts_with(kStart)) return false;
  int tag = 0;
  const auto [end, error] =
      std::from_chars(warning.data() + kStart.size(), warning.data() + warning.size(), tag);
  return error == std::errc{} && tag >= kFirstPrivate;
}

// Text of libtiff may quote the file.
void keep_first(std::string& text, const Message& message) noexcept {
  if (!text.empty()) return;
  try {
    text = message.data();
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
  } catch (...) {  // no memory for a message: there is none
  }
}

}  // namespace

TiffStream::TiffStream(std::span<const uint8_t> bytes, uint64_t max_block) : bytes_(bytes) {
  open("rm", max_block);  // m: no memory map
}

TiffStream::TiffStream(const std::string& mode) : is_writer_(true) { open(mode.c_str(), 0); }

void TiffStream::open(const char* mode, uint64_t max_block) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  if (options == nullptr) return;
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, this);
  if (max_block > 0) TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(max_block));
  tiff_.reset(TIFFClientOpenExt(
      "picture", mode, this, read, write, seek, [](thandle_t) { return 0; }, size, nullptr, nullptr,
      options.get()));
}

bool TiffStream::finish(std::vector<uint8_t>& out) {
  const bool flushed = TIFFFlush(tiff_.get()) == 1;
  tiff_.reset();
  out = std::move(written_);
  return flushed && !failed_;
}

tmsize_t TiffStream::read(thandle_t handle, void* to, tmsize_t n) {
  TiffStream& self = stream_of(handle);
  const std::span<const uint8_t> all = self.contents();
  if (self.at_ >= all.size() || n <= 0) return 0;
  const size_t part = std::min<size_t>(static_cast<size_t>(n), all.size() - self.at_);
  std::memcpy(to, all.data() + self.at_, part);
  self.at_ += part;
  return static_cast<tmsize_t>(part);
}

tmsize_t TiffStream::write(thandle_t handle, void* from, tmsize_t n) {
  TiffStream& self = stream_of(handle);
  if (!self.is_writer_ || n < 0) return 0;
  try {
    const uint64_t end = self.at_ + static_cast<uint64_t>(n);
    if (end > self.written_.size()) self.written_.resize(end);
  } catch (...) {  // an exception must not pass through libtiff
    self.failed_ = true;
    return 0;
  }
  std::memcpy(self.written_.data() + self.at_, from, static_cast<size_t>(n));
  self.at_ += static_cast<uint64_t>(n);
  return n;
}

toff_t TiffStream::seek(thandle_t handle, toff_t offset, int whence) {
  TiffStream& self = stream_of(handle);
  const uint64_t base = whence == SEEK_CUR ? self.at_ : whence == SEEK_END ? self.contents().size() : 0;
  self.at_ = base + offset;
  return self.at_;
}

toff_t TiffStream::size(thandle_t handle) { return stream_of(handle).contents().size(); }

int TiffStream::on_error(TIFF*, void* self, const char*, const char* format, va_list values) {
  keep_first(static_cast<TiffStream*>(self)->error_, formatted(format, values));
  return 1;
}

int TiffStream::on_warning(TIFF*, void* self, const char*, const char* format, va_list values) {
  const Message message = formatted(format, values);
  if (!is_on_private_tag(message.data())) keep_first(static_cast<TiffStream*>(self)->warning_, message);
  return 1;
}

}  // namespace primal::codec
