// The font of figures.
#pragma once

namespace primal {

inline constexpr const char* kFontFamily = "DejaVu Sans";

// IoError where fontconfig has no font file at all: cairo would then draw text as nothing.
void require_font();

}  // namespace primal
