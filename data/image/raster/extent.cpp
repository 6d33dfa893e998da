#include "data/image/raster/extent.h"

#include <fmt/format.h>

#include "tensor/error.h"

namespace primal::codec {
namespace {

std::string pages(const Extent& e) { return fmt::format("{} page{}", e.pages, e.pages == 1 ? "" : "s"); }

}  // namespace

void check_volume(const std::string& name, const char* format, const Extent& e, uint64_t available,
                  double ratio) {
  if (e.pages == 0 || e.width == 0 || e.height == 0) {
    throw DataError("[{}] {} says it has {} of {} x {} pixels, each must be at least 1", format, name,
                    pages(e), e.width, e.height);
  }
  if (e.width > static_cast<uint64_t>(kMaxPixels) / e.height || e.pages > kMaxPages) {
    throw DataError(
        "[{}] {} says it has {} of {} x {} pixels, at most {} pages are read, and on each as many pixels as "
        "16384 x 16384 has; cut it into parts, or make it smaller",
        format, name, pages(e), e.width, e.height, kMaxPages);
  }
  const double unpacked = static_cast<double>(e.pages * e.width * e.height * e.bytes_per_pixel);
  if (unpacked > ratio * static_cast<double>(available)) {
    throw DataError(
        "[{}] {} says it has {} of {} x {} pixels of {} bytes, more than its {} bytes can hold: "
        "truncated or corrupt",
        format, name, pages(e), e.width, e.height, e.bytes_per_pixel, available);
  }
}

}  // namespace primal::codec
