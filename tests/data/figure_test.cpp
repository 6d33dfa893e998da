#include "data/figure/figure.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "data/figure/chart_view.h"
#include "data/figure/colour.h"
#include "data/image/image.h"
#include "data/table/table.h"
#include "tensor/error.h"

namespace primal {
namespace {

const double kNan = std::nan("");

Colour at(const Image& image, int64_t x, int64_t y) {
  return {static_cast<uint8_t>(image.at(x, y, 0)), static_cast<uint8_t>(image.at(x, y, 1)),
          static_cast<uint8_t>(image.at(x, y, 2))};
}

int64_t count_of(const Image& image, const Colour& colour) {
  int64_t n = 0;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) n += at(image, x, y) == colour ? 1 : 0;
  }
  return n;
}

Image drawn(const Figure& figure) { return decode_image(render(figure, FigureFormat::png), "figure"); }

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

Chart chart_of(std::vector<Layer> layers) {
  return {.x = {.label = "step"}, .y = {.label = "PSNR / dB"}, .layers = std::move(layers)};
}

Figure figure_of(Chart chart, const std::string& title = "title") {
  return {.rows = {{Panel{title, std::move(chart)}}}};
}

TEST(Figure, PngHasItsSizeInMillimetresTimesDpi) {
  for (const double dpi : {72.0, 150.0, 300.0}) {
    Figure figure = figure_of(chart_of({Line{.x = {0, 1}, .y = {1, 2}}}));
    figure.dpi = dpi;
    const FigureSize size = size_of(figure);
    EXPECT_GT(size.width_mm, figure.chart_width_mm);
    const Image image = drawn(figure);
    EXPECT_EQ(image.width, std::lround(size.width_mm * dpi / 25.4));
    EXPECT_EQ(image.height, std::lround(size.height_mm * dpi / 25.4));
    EXPECT_EQ(image.density.x, std::lround(dpi / 0.0254));
  }
}

TEST(Figure, SvgAndPdfHaveTheSameSizeAndTheTitle) {
  const Figure figure = figure_of(chart_of({Line{.x = {0, 1}, .y = {1, 2}}}), "a < b & c");
  const std::string svg = text_of(render(figure, FigureFormat::svg)),
                    pdf = text_of(render(figure, FigureFormat::pdf));
  EXPECT_TRUE(svg.find("<title>a &lt; b &amp; c</title>") != std::string::npos);
  EXPECT_TRUE(pdf.starts_with("%PDF-"));
  const double points = size_of(figure).width_mm * 72.0 / 25.4;
  EXPECT_NEAR(std::stod(svg.substr(svg.find("width=\"") + 7)), points, 0.01);
}

// The letters of an SVG are outlines of the font, each used once for every time it is written.
TEST(Figure, TextIsInTheSvg) {
  const auto n_letters = [](const std::string& label) {
    Figure figure{.rows = {{Panel{label, Picture::grey(Tensor::zeros({4, 4}))}}}};
    const std::string svg = text_of(render(figure, FigureFormat::svg));
    int64_t n = 0;
    for (size_t at = svg.find("#glyph"); at != std::string::npos; at = svg.find("#glyph", at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(n_letters("noisy"), 5);
  EXPECT_EQ(n_letters("Λ über µ"), 8);
  EXPECT_EQ(n_letters("a\xff\x01z"), 4) << "what cannot be shown is a question mark";
}

TEST(Figure, TheSameFigureGivesTheSameBytes) {
  const Figure figure{.rows = {{Panel{"map", Picture::log_map(Tensor::full({4, 4}, 0.1), "Lambda")},
                                Panel{"c", chart_of({Line{.x = {0, 1}, .y = {1, 2}, .name = "a"}})}}}};
  for (const FigureFormat format : {FigureFormat::png, FigureFormat::svg, FigureFormat::pdf})
    EXPECT_EQ(render(figure, format), render(figure, format)) << ending_of(format);
}

TEST(Figure, APdfCarriesTheDateOfTheEnvironment) {
  const Figure figure = figure_of(chart_of({Line{.x = {0, 1}, .y = {1, 2}}}));
  ::setenv("SOURCE_DATE_EPOCH", "86400", 1);
  const std::string dated = text_of(render(figure, FigureFormat::pdf));
  ::unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_TRUE(dated.find("19700102000000Z") != std::string::npos);
  EXPECT_TRUE(text_of(render(figure, FigureFormat::pdf)).find("20000101000000Z") != std::string::npos);
}

TEST(Figure, FormatsGoByTheNamesEnding) {
  EXPECT_EQ(figure_format("a.PNG"), FigureFormat::png);
  EXPECT_EQ(figure_format("a.b/c.svg"), FigureFormat::svg);
  EXPECT_EQ(figure_format("x.pdf"), FigureFormat::pdf);
  for (const char* name : {"x", "x.jpg", "x.csv", "png"})
    EXPECT_THROW(figure_format(name), ConfigError) << name;
}

TEST(Figure, RefusesWhatItCannotShow) {
  EXPECT_THROW(drawn({}), ShapeError);
  EXPECT_THROW(drawn({.rows = {{}}}), ShapeError);
  EXPECT_THROW(drawn(figure_of(chart_of({Line{.x = {0}, .y = {1, 2}}}))), ShapeError);
  EXPECT_THROW(drawn(figure_of(chart_of({Bars{.left = {0}, .right = {1}, .height = {}}}))), ShapeError);
  Chart unlabelled = chart_of({Line{.x = {0}, .y = {1}}});
  unlabelled.y.label.clear();
  EXPECT_THROW(drawn(figure_of(unlabelled)), ShapeError);
  EXPECT_THROW(drawn({.rows = {{Panel{"", Picture::grey(Tensor())}}}}), ShapeError);
  EXPECT_THROW(drawn({.rows = {{Panel{"", Picture::grey(Tensor::zeros({2, 4, 4}))}}}}), ShapeError);
  EXPECT_THROW(drawn({.rows = {{Panel{"", Confusion{{"a", "b"}, {{1, 2}}}}}}}), ShapeError);
  Figure huge = figure_of(chart_of({Line{.x = {0}, .y = {1}}}));
  huge.chart_width_mm = 1e6;
  EXPECT_THROW(drawn(huge), ShapeError);
}

TEST(Figure, WithoutAnyFontSaysSo) {
  const auto without_font = [] {
    const std::filesystem::path file = std::filesystem::temp_directory_path() / "primal_no_fonts.conf";
    std::ofstream(file) << "<?xml version=\"1.0\"?><fontconfig></fontconfig>";
    ::setenv("FONTCONFIG_FILE", file.c_str(), 1);
    try {
      render({.rows = {{Panel{"text", Picture::grey(Tensor::zeros({4, 4}))}}}}, FigureFormat::png);
    } catch (const IoError& error) {
      std::fputs(error.what(), stderr);
      std::_Exit(error.exit_code());
    }
    std::_Exit(0);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(without_font(), testing::ExitedWithCode(3), "finds no font.*fonts-dejavu-core");
}

TEST(ChartView, ALegendCoversNoData) {
  std::vector<Layer> layers;
  for (int s = 0; s < 5; ++s)
    layers.push_back(Line{.x = {0, 1, 2},
                          .y = {1.0 * s, -1e3, 1e3},
                          .name = "a rather long name of series " + std::to_string(s)});
  const Chart chart = chart_of(layers);
  const ChartView view(chart, 70, 50);
  const Box legend = view.legend_box();
  EXPECT_GT(legend.height, 0.0);
  EXPECT_GT(legend.y, 50.0) << "below the axes";
  EXPECT_LE(legend.bottom(), 50.0 + view.extent().bottom + 1e-9);
  EXPECT_LE(legend.right(), 70.0 + view.extent().right + 1e-9);
  for (const Layer& layer : layers) {
    const Line& line = std::get<Line>(layer);
    for (size_t i = 0; i < line.x.size(); ++i)
      EXPECT_FALSE(legend.contains(view.place(line.x[i], line.y[i])));
  }
}

TEST(ChartView, ALogarithmicAxisGivesEachPowerOfTenTheSameHeight) {
  Chart chart = chart_of({Line{.x = {0, 1, 2}, .y = {1.0, 0.1, 0.01}}});
  chart.y.logarithmic = true;
  const ChartView view(chart, 70, 50);
  EXPECT_NEAR(view.place(0, 0.1).y - view.place(0, 1.0).y, view.place(0, 0.01).y - view.place(0, 0.1).y,
              1e-9);
  chart.layers = {Line{.x = {0, 1}, .y = {0.0, -1.0}}};
  EXPECT_LT(ChartView(chart, 70, 50).place(0, 0.0).y, ChartView(chart, 70, 50).place(0, -1.0).y)
      << "linear where nothing is above 0";
}

TEST(ChartView, AFirstDipDoesNotRuleTheAxis) {
  Line line;
  for (int i = 0; i < 40; ++i) {
    line.x.push_back(i);
    line.y.push_back(i == 0 ? -1000.0 : 20.0 + 0.1 * i);
  }
  Chart chart = chart_of({line});
  const auto rise = [&] {
    const ChartView view(chart, 70, 50);
    return view.place(0, 20.1).y - view.place(0, 23.9).y;
  };
  EXPECT_LT(rise(), 1.0);
  chart.clip_low = true;
  EXPECT_GT(rise(), 10.0);
}

TEST(ChartView, BarsStandOnZeroAndLevelsWidenTheAxis) {
  const Chart bars = chart_of({Bars{.left = {0}, .right = {1}, .height = {5}}});
  EXPECT_NEAR(ChartView(bars, 70, 50).place(0, 0.0).y, 50.0, 1e-9);
  Chart chart = chart_of({Line{.x = {0, 1}, .y = {5, 6}}, Level{50.0, "far above"}, Level{kNan, "nowhere"}});
  EXPECT_GT(ChartView(chart, 70, 50).place(0, 50.0).y, 0.0);
}

TEST(Chart, LeavesOutWhatIsNotFinite) {
  const Colour colour = series_colour(0);
  const int64_t broken =
      count_of(drawn(figure_of(chart_of({Line{.x = {0, 1, 2, 3}, .y = {1, kNan, INFINITY, 1}}}))), colour);
  const int64_t whole =
      count_of(drawn(figure_of(chart_of({Line{.x = {0, 1, 2, 3}, .y = {1, 1, 1, 1}}}))), colour);
  EXPECT_GT(broken, 0);
  EXPECT_LT(broken, whole / 4);
  for (const std::vector<Layer>& layers : std::vector<std::vector<Layer>>{{},
                                                                          {Line{}},
                                                                          {Line{.x = {kNan}, .y = {kNan}}},
                                                                          {Points{}},
                                                                          {Bars{}},
                                                                          {Boxes{}},
                                                                          {Boxes{{{}, {kNan}}}},
                                                                          {Level{kNan, ""}}})
    EXPECT_GT(drawn(figure_of(chart_of(layers))).width, 0);
}

TEST(Chart, AMarkAndALevelStandInTheLegend) {
  Chart chart = chart_of({Line{.x = {0, 1}, .y = {1, 2}}});
  EXPECT_EQ(ChartView(chart, 70, 50).legend_box().height, 0.0);
  std::get<Line>(chart.layers[0]).mark = 1;
  std::get<Line>(chart.layers[0]).mark_name = "best";
  EXPECT_GT(ChartView(chart, 70, 50).legend_box().height, 0.0);
}

TEST(Histogram, CountsTheFiniteValues) {
  const Bars bars = histogram({0.0, 0.1, 0.9, 1.0, kNan, INFINITY}, 2, "n");
  EXPECT_EQ(bars.height, (std::vector<double>{2, 2}));
  EXPECT_EQ(bars.left, (std::vector<double>{0, 0.5}));
  EXPECT_EQ(bars.right, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(histogram({3, 3}, 1).height, std::vector<double>{2});
  EXPECT_TRUE(histogram({kNan}, 4).height.empty());
  EXPECT_THROW(histogram({1}, 0), ShapeError);
}

TEST(BoxStatistics, WorkedByHand) {
  const auto s = box_statistics({1, 2, 3, 4, 100, kNan});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->low_quartile, 2.0);
  EXPECT_EQ(s->median, 3.0);
  EXPECT_EQ(s->high_quartile, 4.0);
  EXPECT_EQ(s->low_whisker, 1.0);
  EXPECT_EQ(s->high_whisker, 4.0) << "100 lies beyond 4 + 1.5 * 2";
  EXPECT_EQ(s->outliers, std::vector<double>{100.0});
  EXPECT_EQ(s->mean, 22.0);
  EXPECT_FALSE(box_statistics({kNan}));
}

TEST(LogRange, SpansThePositiveValues) {
  const auto range = [](const std::vector<float>& v) {
    return log_range(Tensor::from<float>({std::ssize(v)}, v));
  };
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.5f, 0.01f, 0.2f}).low), 0.01f);
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.5f, 0.01f, 0.2f}).high), 0.5f);
  EXPECT_FLOAT_EQ(static_cast<float>(range({0.0f, 1e-20f, 0.2f, std::nanf("")}).low), 0.2e-4f);
  EXPECT_EQ(range({0.0f, -1.0f}).high, 1.0);
}

TEST(Picture, PixelsAreSquaresInTheirColours) {
  const Tensor map = Tensor::full({8, 12}, 0.1, DType::f64);
  map.data<double>()[0] = 0.001;
  Figure figure{.rows = {{Panel{"", Picture::log_map(map, "Lambda")}}}};
  figure.picture_mm = 32 * 25.4 / figure.dpi;  // four pixels for each
  const Image image = drawn(figure);
  EXPECT_EQ(count_of(image, map_colour(0.0)), 16 + 0) << "the pixel; the bar's colours are between the ends";
  EXPECT_GE(count_of(image, map_colour(1.0)), 16 * (8 * 12 - 1));
}

TEST(Picture, NarrowOnesStaySmall) {
  for (const Shape& shape : {Shape{1, 300}, Shape{300, 1}, Shape{1, 5000}, Shape{1, 1}}) {
    const Tensor x = Tensor::full(shape, 0.5);
    const Image image =
        drawn({.rows = {{Panel{"grey", Picture::grey(x)}, Panel{"map", Picture::map(x, "Lambda")}}}});
    EXPECT_LT(image.width, 2 * 2048 + 400) << shape.str();
    EXPECT_LT(image.height, 2048 + 200) << shape.str();
    EXPECT_GE(image.height, 70) << shape.str() << ": room for the bar";
  }
}

TEST(Picture, SurvivesFlatAndBrokenMaps) {
  for (const double value : {0.0, 0.3, -1.0, kNan, static_cast<double>(INFINITY)}) {
    const Tensor map = Tensor::full({4, 4}, value);
    const Image image = drawn(
        {.rows = {{Panel{"", Picture::log_map(map, "Lambda")}, Panel{"", Picture::map(map, "Lambda")}}}});
    EXPECT_EQ(count_of(image, {255, 0, 255}) > 0, std::isnan(value)) << value;
  }
}

TEST(Panels, InOneColumnBeginAtTheSameX) {
  const Panel wide{"a title that is much wider than its picture", Picture::grey(Tensor::zeros({16, 16}))},
      narrow{"a", Picture::grey(Tensor::zeros({16, 16}))};
  Figure figure{.rows = {{wide, narrow}, {narrow, narrow}}};
  figure.picture_mm = 10;
  const Image image = drawn(figure);
  const auto runs = [&](int64_t y) {  // where pictures begin in this row of pixels
    std::vector<int64_t> begins;
    for (int64_t x = 1; x < image.width; ++x) {
      if (at(image, x, y) == Colour{0, 0, 0} && at(image, x - 1, y) != Colour{0, 0, 0}) begins.push_back(x);
    }
    return begins;
  };
  const std::vector<int64_t> upper = runs(image.height / 2 - 20), lower = runs(image.height - 30);
  ASSERT_EQ(upper.size(), 2u);
  EXPECT_EQ(upper, lower);
  EXPECT_GT(upper[1] - upper[0], 300) << "the title made room for itself";
}

TEST(FigureCsv, HasEveryPointAndReadsBackExactly) {
  const std::vector<double> y{0.1, 1.0 / 3.0, kNan, -INFINITY};
  const Figure figure{
      .rows = {{Panel{
                    "a, \"b\"",
                    chart_of({Line{.x = {1, 2, 3, 4}, .y = y, .name = "run 1"}, Level{19.5, "noisy"}}),
                },
                Panel{"h", chart_of({Bars{.left = {0}, .right = {0.5}, .height = {7}}})}},
               {Panel{"map", Picture::map(Tensor::from<float>({1, 2}, {0.25f, 0.5f}), "Lambda")},
                Panel{"m", Confusion{{"good", "bad"}, {{1, 2}, {3, 4}}}}}}};
  const std::string csv = figure_csv(figure);
  const Table table = parse_table({reinterpret_cast<const uint8_t*>(csv.data()), csv.size()}, "figure.csv");
  EXPECT_EQ(table.columns,
            (std::vector<std::string>{"panel", "title", "kind", "series", "x", "x_end", "y", "value"}));
  ASSERT_EQ(table.rows.size(), 4u + 1 + 1 + 2 + 4);
  EXPECT_EQ(table.text(0, 1), "a, \"b\"");
  EXPECT_EQ(table.text(0, 3), "run 1");
  EXPECT_EQ(std::stod(table.text(1, 6)), 1.0 / 3.0);
  EXPECT_EQ(table.text(2, 6), "nan");
  EXPECT_EQ(table.text(3, 6), "-inf");
  EXPECT_EQ(table.text(4, 2), "level");
  EXPECT_EQ(table.text(5, 0), "1.2");
  EXPECT_EQ(table.text(5, 5), "0.5");
  EXPECT_EQ(table.text(7, 7), "0.5");
  EXPECT_EQ(table.text(10, 3) + "," + table.text(10, 4) + "," + table.text(10, 7), "bad,good,3");
}

TEST(Confusion, IsDrawnWithEmptyClassesToo) {
  const Image image = drawn({.rows = {{Panel{"", Confusion{{"a", "a longer name"}, {{10, 0}, {0, 0}}}}}}});
  EXPECT_GT(count_of(image, series_colour(0)), 500) << "all of class a";
  EXPECT_GT(drawn({.rows = {{Panel{"", Confusion{{"one"}, {{0}}}}}}}).width, 0);
}

}  // namespace
}  // namespace primal
