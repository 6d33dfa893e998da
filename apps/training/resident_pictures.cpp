#include "apps/training/resident_pictures.h"

#include "tensor/device_memory.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The pictures take at most a quarter of the free bytes, since a step needs memory beside them.
constexpr int64_t kShareOfFree = 4;

}  // namespace

int64_t resident_bytes(Device device, int64_t n, const Shape& shape, int64_t most_bytes) {
  if (device.is_cpu()) return 0;
  const int64_t bytes = n * shape.numel() * static_cast<int64_t>(sizeof(float));
  if (bytes > most_bytes) return 0;
  const int64_t unused = free_bytes(device);
  return unused > 0 && bytes > unused / kShareOfFree ? 0 : bytes;
}

ResidentPictures::ResidentPictures(Device device, int64_t n, const Shape& shape, int64_t most_bytes)
    : device_(device), n_(n), shape_(shape), bytes_(resident_bytes(device, n, shape, most_bytes)) {}

bool ResidentPictures::holds(int64_t i) const { return !there_.empty() && there_.at(static_cast<size_t>(i)); }

bool ResidentPictures::stay() {
  if (bytes_ == 0 || all_.defined()) return bytes_ > 0;
  try {
    all_ = Tensor::empty(shape_.with(0, n_), DType::f32, device_);
  } catch (const DeviceError&) {
    bytes_ = 0;  // the memory is not available, for example because other programs use the device
    return false;
  }
  there_.assign(static_cast<size_t>(n_), false);
  return true;
}

Tensor ResidentPictures::of(int64_t i, const std::function<Tensor()>& read) {
  if (holds(i)) return all_.slice(i, i + 1);
  const Tensor picture = read();
  if (picture.dtype() != DType::f32 || picture.shape() != shape_ || !stay()) return picture.to(device_);
  const Tensor place = all_.slice(i, i + 1);
  place.copy_from(picture);
  there_.at(static_cast<size_t>(i)) = true;
  return place;
}

}  // namespace primal
