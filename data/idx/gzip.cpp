#include "data/idx/gzip.h"

#include <algorithm>
#include <climits>
#include <zlib.h>

#include "tensor/error.h"

namespace primal {
namespace {

class Inflater {
 public:
  Inflater(std::span<const uint8_t> bytes, const std::string& name) : name_(name), left_(bytes) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, kGzipOnly + MAX_WBITS) != Z_OK)
      throw DataError("[gzip] no memory to unpack {}", name_);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Up to out.size() bytes; 0 at the end of the last member.
  size_t read(std::span<uint8_t> out) {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0 && !finished_) step();
    return out.size() - stream_.avail_out;
  }

 private:
  void step() {
    const size_t n = std::min<size_t>(left_.size(), INT_MAX);
    stream_.next_in = const_cast<Bytef*>(left_.data());
    stream_.avail_in = static_cast<uInt>(n);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    left_ = left_.subspan(n - stream_.avail_in);
    if (status == Z_STREAM_END) {
      finished_ = !is_gzip(left_);
      if (finished_ && std::ranges::any_of(left_, [](uint8_t b) { return b != 0; }))
        throw DataError("[gzip] {}: {} bytes follow the end of the compressed data", name_, left_.size());
      inflateReset(&stream_);
    } else if (status == Z_BUF_ERROR || (status == Z_OK && left_.empty() && stream_.avail_out > 0)) {
      throw DataError("[gzip] {} ends too early: it is cut", name_);
    } else if (status != Z_OK) {
      throw DataError("[gzip] {} is damaged: {}", name_, stream_.msg == nullptr ? "data error" : stream_.msg);
    }
  }

  const std::string& name_;
  std::span<const uint8_t> left_;
  z_stream stream_{};
  bool finished_ = false;
};

std::vector<uint8_t> unpack(Inflater& from, uint64_t max_bytes) {
  std::vector<uint8_t> out;
  for (;;) {
    constexpr size_t kStep = size_t{1} << 16;
    const size_t filled = out.size(), step = std::min<uint64_t>(kStep + filled / 2, max_bytes - filled);
    if (step == 0) return out;
    out.resize(filled + step);
    const size_t n = from.read(std::span(out).subspan(filled));
    out.resize(filled + n);
    if (n < step) return out;
  }
}

}  // namespace

bool is_gzip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name, uint64_t max_bytes) {
  Inflater inflater(bytes, name);
  std::vector<uint8_t> out = unpack(inflater, max_bytes + 1);
  if (out.size() > max_bytes) throw DataError("[gzip] {} unpacks to more than {} bytes", name, max_bytes);
  return out;
}

std::vector<uint8_t> gunzip_start(std::span<const uint8_t> bytes, const std::string& name, size_t n_bytes) {
  Inflater inflater(bytes, name);
  return unpack(inflater, n_bytes);
}

}  // namespace primal
