#include "apps/inspection/picture_contents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/shell/streams.h"
#include "data/image/image.h"
#include "data/image/raster/raster.h"

namespace primal {
namespace {

PictureContents::Channel channel_of(const Image& image, int c) {
  static constexpr const char* kNames[] = {"red", "green", "blue"};
  PictureContents::Channel channel;
  channel.name = image.channels == 1 ? "grey" : kNames[c];
  const Tensor values = Tensor::empty({1, 1, 1, image.height, image.width});
  float* out = values.data<float>();
  const auto largest = static_cast<double>(image.max_level());
  double sum = 0.0;
  channel.least = image.max_level();
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const int level = image.at(x, y, c);
      channel.least = std::min(channel.least, level);
      channel.greatest = std::max(channel.greatest, level);
      sum += level;
      *out++ = static_cast<float>(level / largest);
    }
  }
  channel.mean = sum / largest / static_cast<double>(image.width * image.height);
  channel.noise = noise_of_picture(values);
  if (channel.noise.estimate) channel.line = estimate_noise_line(values);
  return channel;
}

nlohmann::json to_json(const NoiseLine& line) {
  nlohmann::json classes = nlohmann::json::array();
  for (const NoiseLine::Class& c : line.classes)
    classes.push_back({{"mean", c.mean}, {"variance", c.variance}, {"standard_error", c.standard_error}});
  return {{"a", line.a}, {"b", line.b}, {"classes", classes}};
}

}  // namespace

PictureContents read_picture_contents(const std::filesystem::path& file) {
  const Image image = read_image(file);
  PictureContents contents{.file = file.string(),
                           .width = image.width,
                           .height = image.height,
                           .bit_depth = image.bit_depth,
                           .remarks = image.remarks,
                           .channels = {}};
  // A grey picture that is stored as RGB, as many JPEG files are, has one channel three times.
  const int n_channels = has_colour(image) ? image.channels : 1;
  for (int c = 0; c < n_channels; ++c) contents.channels.push_back(channel_of(image, c));
  if (n_channels < image.channels) contents.channels.front().name = "red = green = blue";
  return contents;
}

nlohmann::json to_json(const PictureContents& contents) {
  nlohmann::json channels = nlohmann::json::array();
  for (const PictureContents::Channel& c : contents.channels) {
    channels.push_back({{"name", c.name},
                        {"least", c.least},
                        {"greatest", c.greatest},
                        {"mean", c.mean},
                        {"deviation", c.noise.noisy_deviation},
                        {"noise", to_json(c.noise)},
                        {"noise_line", c.line ? to_json(*c.line) : nlohmann::json(nullptr)}});
  }
  return {{"picture", contents.file},        {"width", contents.width},     {"height", contents.height},
          {"bit_depth", contents.bit_depth}, {"remarks", contents.remarks}, {"channels", channels}};
}

void print_picture(const PictureContents& contents) {
  put("{}: {} x {} pixels of {} bit\n", contents.file, contents.width, contents.height, contents.bit_depth);
  for (const std::string& remark : contents.remarks) put("{}\n", remark);
  for (const PictureContents::Channel& c : contents.channels) {
    put("{}: levels {} to {}, mean {:.4g} and deviation {:.4g} of the range\n", c.name, c.least, c.greatest,
        c.mean, c.noise.noisy_deviation);
    put("  {}\n", noise_text(c.noise));
    if (const std::string doubt = doubt_of(c.noise); !doubt.empty()) put("  {}\n", doubt);
    if (c.line && c.line->classes.size() > 1)
      put("  variance of the noise over the grey value x: {:.3g} {} {:.3g} x, from {} classes\n", c.line->a,
          c.line->b < 0.0 ? '-' : '+', std::abs(c.line->b), c.line->classes.size());
  }
}

}  // namespace primal
