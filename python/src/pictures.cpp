// Picture files, scores and the estimate of noise.
#include <filesystem>
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <numeric>
#include <string>
#include <system_error>
#include <vector>

#include "data/file/file.h"
#include "data/formats/formats.h"
#include "data/image/raster/raster.h"
#include "data/metrics/metrics.h"
#include "data/noise_estimate/noise_estimate.h"
#include "data/preprocess/opponent.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/calls.h"
#include "tensor/error.h"

namespace nb = nanobind;

namespace primal::python {
namespace {

// Any samples, as bytes; primal/_pictures.py gives them their type and shape.
using Bytes = nb::ndarray<nb::ro, uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::dict as_dict(Raster raster) {
  nb::dict d;
  d["type"] = name_of(raster.type);
  d["shape"] = nb::make_tuple(raster.pages, raster.height, raster.width, raster.channels);
  d["white"] = raster.white;
  d["slope"] = raster.slope;
  d["offset"] = raster.offset;
  d["format"] = name_of(raster.format);
  d["remarks"] = raster.remarks;
  auto* samples = new std::vector<uint8_t>(std::move(raster.samples));
  const nb::capsule owner(samples, [](void* p) noexcept { delete static_cast<std::vector<uint8_t>*>(p); });
  const size_t extent[] = {samples->size()};
  d["samples"] = nb::cast(nb::ndarray<nb::numpy, uint8_t>(samples->data(), 1, extent, owner));
  return d;
}

nb::dict read(const std::string& path) {
  return as_dict(without_lock(false, [path](const Stop&) { return read_raster(path); }));
}

SampleType type_named(const std::string& name) {
  for (const SampleType type :
       {SampleType::u8, SampleType::i8, SampleType::u16, SampleType::i16, SampleType::u32, SampleType::i32,
        SampleType::f16, SampleType::f32, SampleType::f64}) {
    if (name == name_of(type)) return type;
  }
  throw ShapeError("[write] samples of type {} are in no picture file", name);
}

void write(const std::string& path, const Bytes& samples, const std::string& type,
           const std::vector<int64_t>& shape, const std::optional<std::string>& format, bool overwrite) {
  const std::optional<PictureFormat> by_name = format ? parse_picture_format(*format) : format_of_name(path);
  if (!by_name)
    throw ConfigError("[write] {}: its ending names no format of pictures; known are {}", path,
                      kRasterExtensions);
  if (!is_written(*by_name))
    throw ConfigError("[write] {}: {} is read, not written", path, name_of(*by_name));
  check_library(*by_name, "");
  std::error_code error;
  if (!overwrite && std::filesystem::exists(path, error))
    throw IoError("[write] {} exists; give overwrite=True to replace it", path);
  Raster raster;
  raster.format = *by_name;
  raster.type = type_named(type);
  raster.pages = shape[0];
  raster.height = shape[1];
  raster.width = shape[2];
  raster.channels = static_cast<int>(shape[3]);
  raster.white = usual_white(raster.type);
  if (raster.n_samples() * bytes_of(raster.type) != samples.size())
    throw ShapeError("[write] {} bytes are not {} samples of {}", samples.size(), raster.n_samples(), type);
  raster.samples.assign(samples.data(), samples.data() + samples.size());
  without_lock(false, [path, raster = std::move(raster), to = *by_name](const Stop&) {
    check_fits(raster, to, path);
    write_file_atomically(path, encode_raster(fitted(raster, to, 0.0, 1.0, path), to));
    return true;
  });
}

SsimParams ssim_params(bool gaussian, int64_t size, double sigma, double truncate, double data_range) {
  SsimParams params{.size = size, .sigma = sigma, .truncate = truncate, .data_range = data_range};
  if (gaussian) params.window = SsimParams::Window::gaussian;
  return params;
}

nb::list noise_of(const Array& z) {
  const Tensor picture = borrowed(z);
  nb::list all;
  for (const NoiseEstimate& e :
       without_lock(false, [=](const Stop&) { return estimate_noise_per_channel(picture); })) {
    all.append(nb::make_tuple(e.sigma, e.standard_error, e.n_blocks, e.clipped, e.is_reliable));
  }
  return all;
}

}  // namespace

void bind_pictures(nb::module_& m) {
  using namespace nb::literals;
  m.def("read", read, "path"_a);
  m.def("write", write, "path"_a, "samples"_a.noconvert(), "type"_a, "shape"_a, "format"_a.none(),
        "overwrite"_a);
  m.def(
      "psnr",
      [](const Array& a, const Array& b, double data_range) {
        const Tensor first = borrowed(a), second = borrowed(b);
        return without_lock(true, [=](const Stop&) { return psnr(first, second, data_range); });
      },
      "a"_a.noconvert(), "b"_a.noconvert(), "data_range"_a);
  m.def(
      "ssim",
      [](const Array& a, const Array& b, bool gaussian, int64_t size, double sigma, double truncate,
         double data_range) {
        const Tensor first = borrowed(a), second = borrowed(b);
        const SsimParams params = ssim_params(gaussian, size, sigma, truncate, data_range);
        return without_lock(false, [=](const Stop&) { return ssim(first, second, params); });
      },
      "a"_a.noconvert(), "b"_a.noconvert(), "gaussian"_a, "size"_a, "sigma"_a, "truncate"_a, "data_range"_a);
  m.def(
      "to_opponent", [](const Array& rgb) { return array_of(to_opponent(borrowed(rgb))); },
      "rgb"_a.noconvert());
  m.def(
      "from_opponent", [](const Array& channels) { return array_of(from_opponent(borrowed(channels))); },
      "channels"_a.noconvert());
  m.def("estimate_noise", noise_of, "z"_a.noconvert());
}

}  // namespace primal::python
