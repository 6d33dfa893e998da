// The golden adapter of preprocess: finds the picture, runs the chain, and judges 8-bit levels.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "data/preprocess/preprocess.h"
#include "tensor/error.h"

namespace primal {
namespace {

std::filesystem::path find_picture(const std::string& file) {
  const char* root = std::getenv("PRIMAL_DATA");
  const std::filesystem::path folder = root != nullptr ? root : "../shared/data";
  if (!std::filesystem::is_directory(folder)) {
    throw IoError("[preprocess] no folder {} to look for {} in: set PRIMAL_DATA", folder.string(), file);
  }
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == file && entry.is_regular_file()) found.push_back(entry.path());
  }
  if (found.empty())
    throw IoError("[preprocess] {} is nowhere below {} (PRIMAL_DATA)", file, folder.string());
  return *std::min_element(found.begin(), found.end());
}

OpResult run(const OpCall& call) {
  const int64_t size = call.attrs.at("size").get<int64_t>();
  const Image image = read_image(find_picture(call.attrs.at("file").get<std::string>()));
  const std::string expected_mode = call.attrs.value("source_mode", "");
  if (expected_mode == "L" && image.channels != 1) {
    throw DataError("[preprocess] {} should be grey, it decodes to {} channels", call.attrs.at("file").str(),
                    image.channels);
  }
  const Image grey = preprocess(image, size);
  std::vector<uint8_t> levels(grey.levels.size());
  const int shift = grey.bit_depth - 8;
  std::transform(grey.levels.begin(), grey.levels.end(), levels.begin(),
                 [shift](uint16_t level) { return static_cast<uint8_t>(level >> shift); });
  OpResult result;
  result.outputs["image"] = Tensor::from<uint8_t>({grey.height, grey.width}, levels);
  return result;
}

// Share of pixels that differ: none may where the source is grey, 0.1 % by one level where it has colour.
Verdict judge(const std::string&, const Tensor& got, const Tensor& expected, const OpCall& call) {
  const std::vector<double> a = got.to_doubles(), b = expected.to_doubles();
  size_t off = 0;
  double worst = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    off += difference > 0.0;
    worst = std::max(worst, difference);
  }
  Verdict verdict;
  verdict.measure = "share of levels off";
  verdict.error = static_cast<double>(off) / static_cast<double>(std::max<size_t>(a.size(), 1));
  verdict.allowed = call.attrs.value("source_mode", "") == "L" ? 0.0 : 1e-3;
  if (worst > 1.0) verdict.error = std::max(verdict.error, 1.0);
  return verdict;
}

}  // namespace

OpInfo preprocess_info() {
  OpInfo info;
  info.name = "preprocess";
  info.equation = "y = grey(resize(crop(picture))), 8-bit levels as Pillow computes them";
  info.run = run;
  info.judge = judge;
  info.implementations = {{kReference, "separable bicubic resize in 22-bit fixed point"}};
  info.differentiable = false;
  info.f64 = false;
  return info;
}

}  // namespace primal
