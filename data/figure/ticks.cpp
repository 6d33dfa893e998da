#include "data/figure/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace primal {
namespace {

std::string superscript(int exponent) {
  static constexpr std::array<const char*, 10> kDigits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const char c : fmt::format("{}", exponent))
    text += c == '-' ? "⁻" : kDigits[static_cast<size_t>(c - '0')];
  return text;
}

std::string power_text(double value) {
  if (value == 0.0) return "0";
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  const std::string sign = value < 0.0 ? "−" : "";
  const std::string mantissa = fmt::format("{:.3g}", std::abs(value) / std::pow(10.0, exponent));
  return sign + (mantissa == "1" ? "" : mantissa + "·") + "10" + superscript(exponent);
}

// Decimals that a number needs to be written in full, at most 6.
int decimals_of(double value) {
  for (int n = 0; n < 6; ++n) {
    const double scaled = value * std::pow(10.0, n);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * std::max(std::abs(scaled), 1.0)) return n;
  }
  return 6;
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int n) {
  if (!(high > low) || n < 1) return {low};
  const double rough = (high - low) / n, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1.0) {
    ticks.push_back(k == 0.0 ? 0.0 : k * step);
    if (ticks.size() > 100) break;  // a step that rounding swallows
  }
  return ticks.empty() ? std::vector<double>{low} : ticks;
}

std::vector<double> log_ticks(double low, double high) {
  const double first = std::floor(std::log10(low)), last = std::ceil(std::log10(high));
  const bool few = std::floor(std::log10(high)) - std::ceil(std::log10(low)) < 3.0;  // powers of ten inside
  // Where there are many decades, only every n-th has ticks.
  const double stride = std::max(1.0, std::ceil((last - first) / 8.0));
  std::vector<double> ticks;
  for (double decade = first; decade <= last; decade += stride) {
    for (const double factor : few ? std::vector<double>{1.0, 2.0, 5.0} : std::vector<double>{1.0}) {
      const double tick = factor * std::pow(10.0, decade);
      if (tick >= low * (1.0 - 1e-9) && tick <= high * (1.0 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

namespace {

// With the sign that typography has for minus.
std::string plain_text(double value, int decimals) {
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.starts_with('-') ? "−" + text.substr(1) : text;
}

}  // namespace

std::vector<std::string> tick_texts(const std::vector<double>& ticks) {
  double largest = 0.0, smallest = INFINITY;
  int decimals = 0;
  for (const double tick : ticks) {
    if (tick == 0.0) continue;
    largest = std::max(largest, std::abs(tick));
    smallest = std::min(smallest, std::abs(tick));
    decimals = std::max(decimals, decimals_of(tick));
  }
  const bool powers = largest >= 1e6 || (largest > 0.0 && largest < 1e-3) || largest > smallest * 1e4;
  std::vector<std::string> texts;
  for (const double tick : ticks) {
    if (powers)
      texts.push_back(power_text(tick));
    else if (largest > smallest * 20.0)  // a logarithmic axis: each as short as it is
      texts.push_back(plain_text(tick, decimals_of(tick)));
    else
      texts.push_back(plain_text(tick, decimals));
  }
  return texts;
}

}  // namespace primal
