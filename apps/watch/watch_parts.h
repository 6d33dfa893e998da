// The files beside this one as text: put into the program when it is built (apps/CMakeLists.txt).
#pragma once

namespace primal {

extern const char* const kWatchMarkup;          // watch.html
extern const char* const kWatchStyle;           // watch.css
extern const char* const kWatchCurvesScript;    // watch_curves.js
extern const char* const kWatchPicturesScript;  // watch_pictures.js
extern const char* const kWatchScript;          // watch.js

}  // namespace primal
