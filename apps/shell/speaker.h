// Whether this process prints: where several work together, only one does.
#pragma once

namespace primal {

// Turns say(), put() and their kind (streams.h) on or off; they are on at the start. Threads that print at
// that moment may still do so.
void let_talk(bool talks);

}  // namespace primal
