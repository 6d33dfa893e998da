#include "data/figure/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace primal {
namespace {

// A font of strokes on a grid: x from 0 to 4, y from 0 (top of capitals) over 2 (top of small letters) and 6
// (baseline) to 8 (descenders). Each pair of digits is a point (x, y); a space lifts the pen; a point joined
// to itself is a dot.
struct Glyph {
  char letter;
  std::string_view strokes;
};
constexpr std::array kFont{
    Glyph{' ', ""},
    Glyph{'A', "062046 1434"},
    Glyph{'B', "003041423303 3344453606 0006"},
    Glyph{'C', "4130100105163645"},
    Glyph{'D', "00304145360600"},
    Glyph{'E', "40000646 0333"},
    Glyph{'F', "400006 0333"},
    Glyph{'G', "41301001051636454323"},
    Glyph{'H', "0006 4046 0343"},
    Glyph{'I', "1030 1636 2026"},
    Glyph{'J', "4045361605"},
    Glyph{'K', "0006 4003 0346"},
    Glyph{'L', "000646"},
    Glyph{'M', "0600234046"},
    Glyph{'N', "06004640"},
    Glyph{'O', "103041453616050110"},
    Glyph{'P', "06003041423303"},
    Glyph{'Q', "103041453616050110 2446"},
    Glyph{'R', "06003041423303 2346"},
    Glyph{'S', "413010010213334445361605"},
    Glyph{'T', "0040 2026"},
    Glyph{'U', "000516364540"},
    Glyph{'V', "002640"},
    Glyph{'W', "0016233640"},
    Glyph{'X', "0046 4006"},
    Glyph{'Y', "002340 2326"},
    Glyph{'Z', "00400646"},
    Glyph{'a', "12324346 441405163645"},
    Glyph{'b', "0006 0312324345361605"},
    Glyph{'c', "4332120305163645"},
    Glyph{'d', "4046 4332120305163645"},
    Glyph{'e', "04444332120305163645"},
    Glyph{'f', "40302126 1333"},
    Glyph{'g', "4332120304153544 4247381807"},
    Glyph{'h', "0006 0312324346"},
    Glyph{'i', "2020 122226 1636"},
    Glyph{'j', "3030 2232372818"},
    Glyph{'k', "0006 4204 2346"},
    Glyph{'l', "102026 1636"},
    Glyph{'m', "0602 03122326 23324346"},
    Glyph{'n', "0602 0312324346"},
    Glyph{'o', "123243453616050312"},
    Glyph{'p', "0208 0312324345361605"},
    Glyph{'q', "4248 4332120305163645"},
    Glyph{'r', "0602 04223243"},
    Glyph{'s', "43321203143445361605"},
    Glyph{'t', "1015263645 0232"},
    Glyph{'u', "0205163645 4246"},
    Glyph{'v', "022642"},
    Glyph{'w', "0216243642"},
    Glyph{'x', "0246 4206"},
    Glyph{'y', "0225 4208"},
    Glyph{'z', "02420646"},
    Glyph{'0', "103041453616050110 3214"},
    Glyph{'1', "012026 0646"},
    Glyph{'2', "01103041420646"},
    Glyph{'3', "01103041423313 334445361605"},
    Glyph{'4', "36300444"},
    Glyph{'5', "4000033344453606"},
    Glyph{'6', "4130100105163645443303"},
    Glyph{'7', "004016"},
    Glyph{'8', "103041423313020110 1304051636454433"},
    Glyph{'9', "4313020110304145361605"},
    Glyph{'.', "2626"},
    Glyph{',', "2617"},
    Glyph{':', "2323 2626"},
    Glyph{';', "2323 2617"},
    Glyph{'-', "0343"},
    Glyph{'+', "0343 2125"},
    Glyph{'=', "0242 0444"},
    Glyph{'/', "4006"},
    Glyph{'(', "30121436"},
    Glyph{')', "10323416"},
    Glyph{'[', "30101636"},
    Glyph{']', "10303616"},
    Glyph{'<', "410345"},
    Glyph{'>', "014305"},
    Glyph{'%', "0000 4646 4006"},
    Glyph{'_', "0747"},
    Glyph{'\'', "2022"},
    Glyph{'|', "2027"},
    Glyph{'!', "2024 2626"},
    Glyph{'?', "01103041422324 2626"},
    Glyph{'#', "1016 3036 0242 0444"},
    Glyph{'*', "2125 0244 4204"},
};
constexpr std::string_view kUnknown = "1232361612";
constexpr double kAdvance = 6.0, kCapital = 6.0;  // in units of the grid

std::string_view strokes_of(char letter) {
  const auto found =
      std::find_if(kFont.begin(), kFont.end(), [letter](const Glyph& g) { return g.letter == letter; });
  return found == kFont.end() ? kUnknown : found->strokes;
}

void blend(Image& canvas, int64_t x, int64_t y, const Colour& colour, double share) {
  for (int c = 0; c < 3; ++c) {
    uint16_t& level = canvas.at(x, y, c);
    level = static_cast<uint16_t>(std::lround(level + (colour[static_cast<size_t>(c)] - level) * share));
  }
}

}  // namespace

void draw_line(Image& canvas, double x0, double y0, double x1, double y1, double half_width,
               const Colour& colour) {
  const double dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
  const double margin = half_width + 1.0;
  const auto first = [](double v) { return std::max<int64_t>(static_cast<int64_t>(std::floor(v)), 0); };
  const auto last = [](double v, int64_t n) {
    return std::min<int64_t>(static_cast<int64_t>(std::ceil(v)), n - 1);
  };
  for (int64_t y = first(std::min(y0, y1) - margin); y <= last(std::max(y0, y1) + margin, canvas.height);
       ++y) {
    for (int64_t x = first(std::min(x0, x1) - margin); x <= last(std::max(x0, x1) + margin, canvas.width);
         ++x) {
      const double px = static_cast<double>(x) + 0.5 - x0, py = static_cast<double>(y) + 0.5 - y0;
      const double t = length2 > 0.0 ? std::clamp((px * dx + py * dy) / length2, 0.0, 1.0) : 0.0;
      const double share = std::clamp(half_width + 0.5 - std::hypot(px - t * dx, py - t * dy), 0.0, 1.0);
      if (share > 0.0) blend(canvas, x, y, colour, share);
    }
  }
}

void fill_rectangle(Image& canvas, int64_t x, int64_t y, int64_t width, int64_t height,
                    const Colour& colour) {
  for (int64_t v = std::max<int64_t>(y, 0); v < std::min(y + height, canvas.height); ++v) {
    for (int64_t u = std::max<int64_t>(x, 0); u < std::min(x + width, canvas.width); ++u) {
      for (int c = 0; c < 3; ++c) canvas.at(u, v, c) = colour[static_cast<size_t>(c)];
    }
  }
}

void draw_text(Image& canvas, double x, double y, std::string_view text, double height,
               const Colour& colour) {
  const double unit = height / kCapital;
  const double half_width = std::max(0.42 * unit, 0.45);
  for (const char letter : text) {
    const std::string_view strokes = strokes_of(letter);
    double pen_x = 0.0, pen_y = 0.0;
    bool pen_down = false;
    for (size_t i = 0; i < strokes.size(); i += 2) {
      if (strokes[i] == ' ') {
        pen_down = false;
        ++i;
      }
      const double next_x = x + (strokes[i] - '0') * unit, next_y = y + (strokes[i + 1] - '0') * unit;
      if (pen_down) draw_line(canvas, pen_x, pen_y, next_x, next_y, half_width, colour);
      pen_x = next_x, pen_y = next_y, pen_down = true;
    }
    x += kAdvance * unit;
  }
}

double text_width(std::string_view text, double height) {
  return text.empty() ? 0.0 : (static_cast<double>(text.size()) * kAdvance - 2.0) * height / kCapital;
}

}  // namespace primal
