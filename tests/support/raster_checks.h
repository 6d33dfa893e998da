// Checks of what reads and writes rasters: values that come back, and files that are damaged.
#pragma once

#include <cmath>
#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "support/raster_files.h"
#include "support/temporary_folder.h"
#include "support/text.h"
#include "tensor/error.h"

namespace primal::testing {

// Pages of code and tables that the first call of a library makes resident; what the lies ask for is 200 MB
// and more.
inline constexpr int64_t kLibraries = 8 << 20;

inline bool is_built(PictureFormat format) {
  try {
    check_library(format, "");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

inline std::vector<double> values(const Raster& raster) {
  std::vector<double> all;
  dispatch_sample(raster.type, [&]<class T>() {
    for (int64_t p = 0; p < raster.pages; ++p) {
      for (const T sample : raster.page<T>(p)) all.push_back(value_of(sample));
    }
  });
  return all;
}

// The message about a file that cannot be read; it names the file.
inline std::string problem(const FileBytes& file) {
  const std::string message = message_of<DataError>([&] { decode_raster(file, "test"); });
  EXPECT_TRUE(has(message, "test")) << "'" << message << "'";
  return message;
}

// Each byte in turn is wrong: the file is read, or refused with its name.
inline void survives_damage(const FileBytes& file) {
  for (size_t i = 0; i < file.size(); ++i) {
    FileBytes damaged = file;
    damaged[i] ^= 0xff;
    try {
      decode_raster(damaged, "test");
    } catch (const DataError& error) {
      EXPECT_TRUE(has(error.what(), "test")) << error.what();
    }
  }
}

inline Raster ramp(SampleType type, int64_t pages = 2, int64_t height = 21, int64_t width = 37,
                   int channels = 1) {
  Raster raster{.format = PictureFormat::tiff,
                .width = width,
                .height = height,
                .pages = pages,
                .channels = channels,
                .type = type,
                .white = usual_white(type)};
  allocate(raster);
  dispatch_sample(type, [&]<class T>() {
    for (int64_t p = 0; p < pages; ++p) {
      double i = static_cast<double>(p);
      for (T& sample : raster.page<T>(p)) sample = sample_of<T>(std::fmod(i += 1.25, 120.0));
    }
  });
  return raster;
}

}  // namespace primal::testing
