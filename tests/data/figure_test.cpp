#include "data/figure/figure.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>

#include "data/figure/canvas.h"
#include "tensor/error.h"

namespace primal {
namespace {

Colour at(const Image& image, int64_t x, int64_t y) {
  return {static_cast<uint8_t>(image.at(x, y, 0)), static_cast<uint8_t>(image.at(x, y, 1)),
          static_cast<uint8_t>(image.at(x, y, 2))};
}

// L* of an sRGB colour, by the formulas in the other direction.
double lightness(const Colour& colour) {
  const auto linear = [](uint8_t level) {
    const double v = level / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  const double y = 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
  return y > 0.008856 ? 116.0 * std::cbrt(y) - 16.0 : 903.3 * y;
}

TEST(MapColour, LightnessRisesEvenly) {
  for (int i = 0; i <= 100; ++i) {
    const double t = i / 100.0;
    EXPECT_NEAR(lightness(map_colour(t)), 16.0 + 74.0 * t, 1.5)
        << t;  // measured 0.9: 8-bit rounding and the gamut's edge
  }
}

TEST(MapColour, ClipsAndMarksNaN) {
  EXPECT_EQ(map_colour(-1.0), map_colour(0.0));
  EXPECT_EQ(map_colour(2.0), map_colour(1.0));
  EXPECT_EQ(map_colour(std::nan("")), (Colour{255, 0, 255}));
}

TEST(Text, EveryLetterHasAShapeOfItsOwn) {
  const std::string letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-+=/()[]<>%_'|!?#*";
  std::set<std::vector<uint16_t>> shapes;
  for (const char letter : letters) {
    Image canvas(40, 60, 3);
    draw_text(canvas, 5, 8, std::string(1, letter), 30, kWhite);
    EXPECT_GT(*std::max_element(canvas.levels.begin(), canvas.levels.end()), 200) << letter;
    EXPECT_TRUE(shapes.insert(canvas.levels).second) << letter;
  }
  Image blank(40, 60, 3), unknown(40, 60, 3);
  draw_text(blank, 5, 8, " ", 30, kWhite);
  EXPECT_EQ(blank.levels, Image(40, 60, 3).levels);
  draw_text(unknown, 5, 8, "\xce", 30, kWhite);
  EXPECT_TRUE(shapes.insert(unknown.levels).second);
}

TEST(Text, IsCutOffAtTheEdges) {
  Image canvas(10, 10, 3);
  draw_text(canvas, -20, -3, "long text that leaves the canvas", 12, kWhite);
  draw_text(canvas, 5, 8, "X", 300, kWhite);
  fill_rectangle(canvas, -5, -5, 100, 100, kInk);
  EXPECT_EQ(at(canvas, 9, 9), kInk);
  EXPECT_EQ(text_width("", 6), 0.0);
  EXPECT_EQ(text_width("ab", 6), 10.0);
}

TEST(LogRange, SpansThePositiveValues) {
  const auto range = [](const std::vector<float>& v) {
    return log_range(Tensor::from<float>({static_cast<int64_t>(v.size())}, v));
  };
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.5f, 0.01f, 0.2f}).low), 0.01f);
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.5f, 0.01f, 0.2f}).high), 0.5f);
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.0f, 1e-20f, 0.2f, std::nanf("")}).low), 0.2e-4f);
  EXPECT_EQ(range({0.0f, -1.0f}).high, 1.0);
}

TEST(Figure, ShowsPanelsSideBySide) {
  const Tensor dark = Tensor::zeros({1, 1, 1, 8, 12}), bright = Tensor::full({1, 1, 1, 8, 12}, 2.0);
  const Tensor map = Tensor::full({8, 12}, 0.1, DType::f64);
  map.data<double>()[0] = 0.001;
  const Image figure = make_figure(
      {{Panel::grey(dark, "dark"), Panel::grey(bright, "bright")}, {Panel::log_map(map, "Lambda")}}, 16);
  // Enlarged twice: panels of 24 x 16 below a strip of 22, margins of 10.
  ASSERT_EQ(figure.channels, 3);
  EXPECT_EQ(figure.height, 10 + 2 * (16 + 22 + 10));
  EXPECT_EQ(at(figure, 10, 32), (Colour{0, 0, 0}));
  EXPECT_EQ(at(figure, 33, 47), (Colour{0, 0, 0}));
  EXPECT_EQ(at(figure, 34, 47), kWhite);
  EXPECT_EQ(at(figure, 10, 80), map_colour(0.0));
  EXPECT_EQ(at(figure, 11, 81), map_colour(0.0));
  EXPECT_EQ(at(figure, 12, 80), map_colour(1.0));
  const int64_t bar = 10 + 24 + 10;
  EXPECT_EQ(at(figure, bar, 80), map_colour(1.0 - 0.5 / 16));
  EXPECT_EQ(at(figure, bar, 95), map_colour(0.5 / 16));
}

TEST(Figure, NarrowPicturesStaySmall) {
  for (const Shape& shape : {Shape{1, 300}, Shape{300, 1}, Shape{1, 5000}, Shape{1, 1}}) {
    const Tensor x = Tensor::full(shape, 0.5);
    const Image figure = make_figure({{Panel::grey(x, "grey"), Panel::log_map(x, "map")}});
    const int64_t longest = std::max<int64_t>(4 * 256, std::max(shape[0], shape[1]));
    EXPECT_LT(figure.width, 2 * longest + 200) << shape.str();
    EXPECT_LT(figure.height, longest + 100) << shape.str();
    EXPECT_GE(figure.height, 10 + 22 + 36 + 10) << shape.str();
  }
}

TEST(Figure, PanelsBelowEachOtherBeginAtTheSameColumn) {
  const Tensor dark = Tensor::zeros({16, 16});
  const Panel wide = Panel::grey(dark, "a label wider than its picture"), narrow = Panel::grey(dark, "a");
  const Image figure = make_figure({{wide, narrow}, {narrow, narrow}}, 16);
  const auto first_dark = [&](int64_t y) {  // of the second panel in this row of pixels
    int64_t x = 10 + 16;
    while (x < figure.width && at(figure, x, y) != Colour{0, 0, 0}) ++x;
    return x;
  };
  const int64_t upper = 10 + 22 + 8, lower = upper + 16 + 22 + 10;
  EXPECT_GT(first_dark(upper), 10 + 16 + 10 + 16);  // the label made room for itself
  EXPECT_EQ(first_dark(lower), first_dark(upper));
  EXPECT_LT(first_dark(lower), figure.width);
}

TEST(Figure, SurvivesFlatEmptyAndBrokenMaps) {
  for (const double value : {0.0, 0.3, -1.0, std::nan("")}) {
    const Tensor map = Tensor::full({4, 4}, value);
    EXPECT_GT(make_figure({{Panel::log_map(map, "map"), Panel::grey(map, "grey")}}, 4).width, 0) << value;
  }
  EXPECT_THROW(make_figure({}), ShapeError);
  EXPECT_THROW(make_figure({{}}), ShapeError);
  EXPECT_THROW(make_figure({{Panel::grey(Tensor(), "none")}}), ShapeError);
  EXPECT_THROW(make_figure({{Panel::grey(Tensor::zeros({2, 4, 4}), "two")}}), ShapeError);
}

}  // namespace
}  // namespace primal
