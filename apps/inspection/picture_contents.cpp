#include "apps/inspection/picture_contents.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/shell/streams.h"
#include "data/formats/formats.h"
#include "data/image/raster/raster.h"
#include "data/preprocess/level_range.h"

namespace primal {
namespace {

// Describes the given page of `grey`, a raster of one channel.
PictureContents::Channel channel_of(const Raster& grey, int64_t page, const Levels& levels) {
  PictureContents::Channel channel;
  const Tensor values = to_unit(grey, page, levels);
  const std::span<const float> x = values.span<const float>();
  const auto [least, greatest] = std::ranges::minmax(x);
  const bool is_whole = grey.type != SampleType::f16 && grey.type != SampleType::f32 &&
                        grey.type != SampleType::f64 && !grey.is_rescaled();
  const auto stored = [&](float unit) {
    const double value = levels.low + (levels.high - levels.low) * static_cast<double>(unit);
    return is_whole ? std::round(value) : value;
  };
  channel.least = stored(least);
  channel.greatest = stored(greatest);
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value);
  channel.mean = sum / static_cast<double>(x.size());
  channel.noise = noise_of_picture(values);
  if (channel.noise.estimate) channel.line = estimate_noise_line(values);
  return channel;
}

// Levels as the whole numbers that they are.
nlohmann::json value_json(double value, bool of_levels) {
  return of_levels ? nlohmann::json(static_cast<int64_t>(value)) : nlohmann::json(value);
}

nlohmann::json to_json(const NoiseLine& line) {
  nlohmann::json classes = nlohmann::json::array();
  for (const NoiseLine::Class& c : line.classes)
    classes.push_back({{"mean", c.mean}, {"variance", c.variance}, {"standard_error", c.standard_error}});
  return {{"a", line.a}, {"b", line.b}, {"classes", classes}};
}

}  // namespace

PictureContents read_picture_contents(const std::filesystem::path& file) {
  static constexpr const char* kNames[] = {"red", "green", "blue"};
  const Raster raster = read_raster(file);
  const Levels levels = levels_of(raster, LevelRange{}, file.string());
  PictureContents contents{.file = file.string(),
                           .format = name_of(raster.format),
                           .samples = name_of(raster.type),
                           .width = raster.width,
                           .height = raster.height,
                           .pages = raster.pages,
                           .bit_depth = static_cast<int>(8 * bytes_of(raster.type)),
                           .low = levels.low,
                           .high = levels.high,
                           .of_levels = raster.white > 0.0,
                           .remarks = raster.remarks,
                           .channels = {}};
  // A grey picture that is stored as RGB, as many JPEG files are, has one channel three times.
  const bool in_colour = has_colour(raster);
  const Raster channels = raster.channels > 1 ? planes(raster) : raster;
  for (int c = 0; c < (in_colour ? raster.channels : 1); ++c) {
    contents.channels.push_back(channel_of(channels, c, levels));
    contents.channels.back().name = in_colour             ? kNames[c]
                                    : raster.channels > 1 ? "red = green = blue"
                                                          : "grey";
  }
  return contents;
}

nlohmann::json to_json(const PictureContents& contents) {
  nlohmann::json channels = nlohmann::json::array();
  for (const PictureContents::Channel& c : contents.channels) {
    channels.push_back({{"name", c.name},
                        {"least", value_json(c.least, contents.of_levels)},
                        {"greatest", value_json(c.greatest, contents.of_levels)},
                        {"mean", c.mean},
                        {"deviation", c.noise.noisy_deviation},
                        {"noise", to_json(c.noise)},
                        {"noise_line", c.line ? to_json(*c.line) : nlohmann::json(nullptr)}});
  }
  return {{"picture", contents.file},    {"format", contents.format}, {"samples", contents.samples},
          {"width", contents.width},     {"height", contents.height}, {"pages", contents.pages},
          {"zero", contents.low},        {"one", contents.high},      {"bit_depth", contents.bit_depth},
          {"remarks", contents.remarks}, {"channels", channels}};
}

void print_picture(const PictureContents& contents) {
  if (contents.of_levels)
    put("{}: {} x {} pixels of {} bit\n", contents.file, contents.width, contents.height, contents.bit_depth);
  else
    put("{}: {} x {} pixels of {} in {}, {:g} to {:g} count as 0 to 1\n", contents.file, contents.width,
        contents.height, contents.samples, contents.format, contents.low, contents.high);
  if (contents.pages > 1) put("the first of {} pages:\n", contents.pages);
  for (const std::string& remark : contents.remarks) put("{}\n", remark);
  for (const PictureContents::Channel& c : contents.channels) {
    put("{}: {} {:g} to {:g}, mean {:.4g} and deviation {:.4g} of the range\n", c.name,
        contents.of_levels ? "levels" : "values", c.least, c.greatest, c.mean, c.noise.noisy_deviation);
    put("  {}\n", noise_text(c.noise, contents.high - contents.low, contents.samples));
    if (const std::string doubt = doubt_of(c.noise); !doubt.empty()) put("  {}\n", doubt);
    if (c.line && c.line->classes.size() > 1)
      put("  variance of the noise over the grey value x: {:.3g} {} {:.3g} x, from {} classes\n", c.line->a,
          c.line->b < 0.0 ? '-' : '+', std::abs(c.line->b), c.line->classes.size());
  }
}

}  // namespace primal
