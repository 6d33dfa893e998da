// How this program was called, and when: what a result says of its origin.
#pragma once

#include <string>

namespace primal {

// "primal train configs/quick.toml -o 'my run'": the arguments as a shell reads them back; "primal" where
// the system does not tell.
std::string command_line();

std::string utc_time();  // "2026-11-21T04:00:00Z"

}  // namespace primal
