// Whether this process prints: where several work together, only one does.
#pragma once

namespace primal {

// Of say(), put() and their kind (streams.h); true at the start. Threads that print at that moment may still do so.
void let_talk(bool talks);

}  // namespace primal
