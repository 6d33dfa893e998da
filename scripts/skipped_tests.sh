#!/usr/bin/env bash
# Lists the tests that ctest skipped in its last run, by reason; ctest itself says only "Skipped".
#
#   scripts/skipped_tests.sh [BUILD_DIR]     (build/release)
set -euo pipefail
log=${1:-build/release}/Testing/Temporary/LastTest.log
[[ -r $log ]] || exit 0

# For each test the log has "3/9 Testing: NAME" and what it printed. GoogleTest prints "FILE:LINE: Skipped",
# the reason and then "[  SKIPPED ] NAME (0 ms)"; a script prints "skipped: REASON".
awk '
  / Testing: / { name = $0; sub(/^.* Testing: /, "", name); reason = ""; listening = 0 }
  /:[0-9]+: Skipped$/ { listening = 1; next }
  function note() {
    if (reason == "") reason = "no reason given"
    if (!(reason in tests)) order[++n_reasons] = reason
    tests[reason] = tests[reason] "\n      " name
    ++n_skipped
  }
  listening && /^\[  SKIPPED \]/ { listening = 0; note() }
  /^skipped: / { reason = substr($0, 10); note() }
  listening && NF > 0 { reason = reason == "" ? $0 : reason " " $0 }
  END {
    if (n_skipped == 0) exit
    printf "%d skipped:\n", n_skipped
    for (i = 1; i <= n_reasons; ++i) printf "  - %s%s\n", order[i], tests[order[i]]
  }
' "$log"
