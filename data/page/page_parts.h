// The files beside this one as text: put into the library when it is built (data/CMakeLists.txt).
#pragma once

namespace primal {

extern const char* const kPageStyle;      // style.css
extern const char* const kCompareScript;  // compare.js

}  // namespace primal
