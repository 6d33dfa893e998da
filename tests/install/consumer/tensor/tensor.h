// A header that is called as one of Primal's.
#pragma once

inline double plateau() { return 0.05; }
