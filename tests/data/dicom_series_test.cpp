// DICOM: which results belong to one series, and which to another.
#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "support/dicom_files.h"
#include "tensor/error.h"

namespace primal {
namespace {

using namespace testing;

// The UID of the series that a result made so belongs to.
std::string series_of(const PngText& text) {
  const FileBytes six = numbers<uint16_t>({0, 1, 2, 100, 4094, 4095});
  const Raster raster = decode_raster(make_dicom({}, six), "a");
  const FileBytes file = encode_raster(raster, PictureFormat::dicom, text);
  const std::string bytes(file.begin(), file.end()), tag("\x20\0\x0e\0UI", 6);
  const size_t at = bytes.find(tag);
  if (at == std::string::npos) return "";
  return bytes.substr(at + 8, static_cast<uint8_t>(bytes[at + 6]));
}

TEST(DicomSeries, EverySettingMakesASeriesOfItsOwn) {
  try {
    check_library(PictureFormat::dicom, "");
  } catch (const ConfigError&) {
    GTEST_SKIP() << "a build without dcmtk";
  }
  const PngText plain{{"Software", "primal 1"}, {"Primal boundary", "symmetric"}, {"Primal iterations", "8"}};
  const std::string first = series_of(plain);
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(series_of(plain), first);
  for (const auto& [key, value] :
       {std::pair{"Primal boundary", "periodic"}, std::pair{"Primal iterations", "9"},
        std::pair{"Primal lambda", "0.05,0.1"}, std::pair{"Primal model CRC-32", "1c291ca3"},
        std::pair{"Primal noise added", "relative 0.5"}, std::pair{"Primal level range", "0:200"},
        std::pair{"Primal gap", "0.001"}, std::pair{"Primal size", "16"}}) {
    PngText other = plain;
    other[key] = value;
    EXPECT_NE(series_of(other), first) << key;
  }
  // Slices take different numbers of iterations to the same gap and stay together; so they do with a chosen
  // lambda.
  PngText gap = plain, slice = plain;
  gap["Primal gap"] = slice["Primal gap"] = "0.001";
  gap["Primal lambda rule"] = slice["Primal lambda rule"] = "sure";
  slice["Primal iterations"] = "24";
  slice["Primal lambda"] = "0.3";
  EXPECT_EQ(series_of(gap), series_of(slice));
}

}  // namespace
}  // namespace primal
