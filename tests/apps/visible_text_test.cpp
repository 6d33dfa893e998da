#include "apps/shell/visible_text.h"

#include <gtest/gtest.h>

namespace primal {
namespace {

TEST(VisibleText, ControlCharactersBecomeEscapes) {
  EXPECT_EQ(visible("\x1b]0;owned\x07\x1b[31mred"), "\\x1b]0;owned\\x07\\x1b[31mred");
  EXPECT_EQ(visible(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(visible("a\nb\rc\td\x7f"), "a\\nb\\rc\\td\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\u009b31m");  // CSI as one character
  EXPECT_EQ(visible("\x9b"
                    "31m"),
            "\\x9b31m");  // and as one byte, which is not UTF-8
}

TEST(VisibleText, WhatTurnsTheReadingDirectionBecomesEscapes) {
  EXPECT_EQ(visible("a\xe2\x80\xae"
                    "gnp.exe"),
            "a\\u202egnp.exe");
  EXPECT_EQ(visible("\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\xa8\xd8\x9c"), "\\u2066\\u2069\\u2028\\u061c");
}

TEST(VisibleText, LettersOfAllWritingsStay) {
  const std::string text =
      "a\\b \"c\" grüße \xe4\xbd\xa0\xe5\xa5\xbd \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x90\xb1 \xc2\xa0";
  EXPECT_EQ(visible(text), text);
}

TEST(VisibleText, BytesThatAreNotUtf8BecomeEscapes) {
  EXPECT_EQ(visible("gr\xfc\xdf"
                    "e"),
            "gr\\xfc\\xdfe");
  EXPECT_EQ(visible("\xc0\x9b"), "\\xc0\\x9b");                    // overlong
  EXPECT_EQ(visible("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");           // overlong
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond the last character
  EXPECT_EQ(visible("\xe4\xbd"), "\\xe4\\xbd");                    // cut
}

TEST(VisibleText, LinesOfTheProgramStayLines) {
  EXPECT_EQ(visible_lines("a\tb\n\x1b[2Jc\r\n"), "a\tb\n\\x1b[2Jc\\r\n");
  EXPECT_EQ(visible_message("[a] b\n  c\nprimal: d"), "[a] b\n  c\\nprimal: d");
}

}  // namespace
}  // namespace primal
