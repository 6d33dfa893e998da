// The files of configs/ that the study uses, as text: put into the program when it is built
// (apps/CMakeLists.txt).
#pragma once

namespace primal {

extern const char* const kCastingDefectToml;
extern const char* const kCastingNoiseTypeToml;
extern const char* const kCastingDenoiserToml;
extern const char* const kQuickToml;

}  // namespace primal
