#include "apps/watch/watch_page.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/shell/json_text.h"
#include "apps/watch/watch_parts.h"
#include "data/figure/colour.h"

namespace primal {
namespace {

constexpr double kMostContrast = 1000.0;  // a smaller Lambda than this share of the largest is drawn as that

std::string colour_text(const Colour& c) { return fmt::format("#{:02x}{:02x}{:02x}", c[0], c[1], c[2]); }

std::string png_uri(const Image& image) { return data_uri("image/png", encode_png(image)); }

// Modulo 256.
Image difference(const Image& now, const Image& before) {
  Image out = now;
  for (size_t i = 0; i < out.levels.size(); ++i) out.levels[i] = (now.levels[i] - before.levels[i]) & 0xFF;
  return out;
}

nlohmann::json lambda_json(const Tensor& lambda) {
  const std::vector<double> all = lambda.to_doubles();
  const int rank = lambda.shape().rank();
  if (rank != 5) return {{"low", all.front()}, {"high", all.front()}, {"picture", nullptr}};
  const int64_t height = lambda.size(3), width = lambda.size(4);
  const std::vector<double> map(all.begin(), all.begin() + height * width);
  const double high = std::ranges::max(map);
  double low = high;
  for (const double v : map) {
    if (v > 0.0) low = std::min(low, v);
  }
  low = std::max(low, high / kMostContrast);
  Image levels(width, height, 1);
  for (size_t i = 0; i < map.size(); ++i) {
    if (map[i] <= 0.0) continue;  // level 0
    const double t = high > low ? std::log(std::max(map[i], low) / low) / std::log(high / low) : 1.0;
    levels.levels[i] = static_cast<uint16_t>(1 + std::lround(254.0 * std::clamp(t, 0.0, 1.0)));
  }
  return {{"low", low}, {"high", high}, {"picture", png_uri(levels)}};
}

nlohmann::json number_or_null(double v) { return std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(); }

nlohmann::json data_of(const WatchPageInput& input) {
  const Image& first = input.frames.front().x;
  nlohmann::json colours = nlohmann::json::array(), frames = nlohmann::json::array();
  for (int level = 0; level < 256; ++level) colours.push_back(colour_text(map_colour(level / 255.0)));
  const Image* before = nullptr;
  for (const TraceFrame& f : input.frames) {
    frames.push_back({{"k", f.k},
                      {"x", png_uri(f.x)},
                      {"q", png_uri(before == nullptr ? f.q : difference(f.q, *before))},
                      {"energy", number_or_null(f.energy)},
                      {"gap", number_or_null(f.gap)},
                      {"psnr", number_or_null(f.psnr)},
                      {"active", f.active}});
    before = &f.q;
  }
  return {{"width", first.width},
          {"height", first.height},
          {"iterations", input.iterations},
          {"dual_steps", kDualSteps},
          {"clean", input.clean.defined() ? nlohmann::json(picture_uri(input.clean)) : nlohmann::json()},
          {"lambda", lambda_json(input.lambda)},
          {"colours", colours},
          {"frames", frames}};
}

// The palette of figures as variables of the style.
std::string series_style() {
  std::string style = ":root {";
  for (size_t i = 0; i + 1 < kSeriesColours; ++i)
    style += fmt::format(" --series-{}: {};", i, colour_text(series_colour(i)));
  return style + " }\n";
}

}  // namespace

std::string script_json(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

Page watch_page(const WatchPageInput& input) {
  Page page(input.title, input.command);
  for (const std::string& fact : input.facts) page.paragraph(fact);
  page.style(series_style());
  page.style(kWatchStyle);
  page.html(kWatchMarkup);
  page.html(fmt::format("<script type=\"application/json\" id=\"watch-data\">{}</script>\n",
                        script_json(json_text(data_of(input)))));
  page.script(kWatchCurvesScript);
  page.script(kWatchPicturesScript);
  page.script(kWatchScript);
  return page;
}

}  // namespace primal
