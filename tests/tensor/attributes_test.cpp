#include "tensor/op/attributes.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace primal {
namespace {

const Attributes kAttributes = {
    {"stride", {1, 2, 2}}, {"mode", "nearest"}, {"slope", 0.5}, {"axis", 1}, {"amsgrad", true}};

TEST(Attributes, AreReadAsTheTypeThatIsAskedFor) {
  EXPECT_EQ(kAttributes.value("stride", std::array<int64_t, 3>{}), (std::array<int64_t, 3>{1, 2, 2}));
  EXPECT_EQ(kAttributes.at("stride").get<std::vector<double>>(), (std::vector<double>{1, 2, 2}));
  EXPECT_EQ(kAttributes.value("mode", "trilinear"), "nearest");
  EXPECT_EQ(kAttributes.value("slope", 0.01), 0.5);
  EXPECT_EQ(kAttributes.value("axis", int64_t{0}), 1);
  EXPECT_EQ(kAttributes.value("axis", 0.0), 1.0);  // an integer is a real number too
  EXPECT_TRUE(kAttributes.value("amsgrad", false));
}

TEST(Attributes, FallBackWhereThereIsNone) {
  EXPECT_FALSE(kAttributes.contains("beta"));
  EXPECT_EQ(kAttributes.value("beta", 3.0), 3.0);
  EXPECT_EQ(attribute_triple(kAttributes, "padding", {0, 1, 1}), (std::array<int64_t, 3>{0, 1, 1}));
  EXPECT_THROW(kAttributes.at("beta"), DataError);
}

TEST(Attributes, RefuseAnotherKindAndNameIt) {
  const auto message_of = [](const auto& read) -> std::string {
    try {
      read();
    } catch (const DataError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(message_of([] { kAttributes.value("mode", 1.0); }),
            "[attrs] mode expects a number, found \"nearest\"");
  EXPECT_EQ(message_of([] { kAttributes.value("slope", int64_t{1}); }),
            "[attrs] slope expects an integer, found 0.5");
  EXPECT_EQ(message_of([] { kAttributes.value("stride", std::array<int64_t, 2>{}); }),
            "[attrs] stride expects 2 values, found [1,2,2]");
  EXPECT_EQ(message_of([] { kAttributes.value("axis", false); }),
            "[attrs] axis expects true or false, found 1");
  EXPECT_EQ(message_of([] { kAttributes.value("amsgrad", ""); }),
            "[attrs] amsgrad expects a text, found true");
  EXPECT_EQ(message_of([] { kAttributes.value("axis", std::vector<int64_t>{}); }),
            "[attrs] axis expects a list, found 1");
}

TEST(Attributes, AreParsedFromAJsonObjectAlone) {
  Attributes parsed =
      Attributes::parse(R"({"axes": [3, 4], "lr": 1e-3, "p0": "a \"b\"", "modes": ["zero", "edge"]})");
  EXPECT_EQ(parsed.at("axes").get<std::vector<int>>(), (std::vector<int>{3, 4}));
  EXPECT_EQ(parsed.value("lr", 0.0), 1e-3);
  EXPECT_EQ(parsed.at("p0").str(), R"("a \"b\"")");
  EXPECT_EQ(parsed.at("modes").str(), R"(["zero","edge"])");
  for (const char* text :
       {"", "[1]", "3", "{\"a\": null}", "{\"a\": {\"b\": 1}}", "{\"a\": [[1], null]}", "{\"a\": 1"})
    EXPECT_THROW(Attributes::parse(text), DataError) << text;
}

TEST(Attributes, TakeOverWhatOthersSay) {
  Attributes attrs = kAttributes;
  attrs.update({{"slope", 0.25}, {"beta", 2.0}});
  attrs["mode"] = "trilinear";
  EXPECT_EQ(attrs.value("slope", 0.0), 0.25);
  EXPECT_EQ(attrs.value("beta", 0.0), 2.0);
  EXPECT_EQ(attrs.value("mode", ""), "trilinear");
  EXPECT_EQ(std::distance(attrs.begin(), attrs.end()), 6);
}

}  // namespace
}  // namespace primal
