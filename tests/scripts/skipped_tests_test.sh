#!/usr/bin/env bash
# scripts/skipped_tests.sh groups skipped tests by reason, from a log as ctest writes it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/Testing/Temporary"
log=$folder/Testing/Temporary/LastTest.log

expect() {  # expect TEXT: the script says exactly this
  local got
  got=$("$root/scripts/skipped_tests.sh" "$folder")
  [[ $got == "$1" ]] || { printf 'expected:\n%s\ngot:\n%s\n' "$1" "$got" >&2; exit 1; }
}

expect ""  # no log yet

one() {  # one NUMBER NAME OUTPUT RESULT, as ctest logs a test
  printf '%s/3 Testing: %s\n%s/3 Test: %s\nCommand: "x"\nOutput:\n----\n%s\n<end of output>\n----\n%s\n\n' \
    "$1" "$2" "$1" "$2" "$3" "$4"
}
passed=$(one 1 Shape.Prints $'[ RUN      ] Shape.Prints\n[       OK ] Shape.Prints (0 ms)' 'Test Passed.')
skipped() {
  one "$1" "$2" "[ RUN      ] $2"$'\n'"tests/a_test.cpp:200: Skipped"$'\n'"$3"$'\n'"[  SKIPPED ] $2 (0 ms)
[  PASSED  ] 0 tests.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] $2" 'Test time =   0.05 sec'
}

printf '%s\n' "$passed" > "$log"
expect ""

{
  printf '%s\n' "$passed"
  skipped 2 OneDnn.Agrees "this build found no oneDNN 2"
  skipped 3 Golden.Shared "set PRIMAL_GOLDEN"
  skipped 4 OneDnn.Repeats "this build found no oneDNN 2"
  one 5 browser_report "skipped: no chromium here" "Test time =   0.05 sec"
} > "$log"
expect "4 skipped:
  - this build found no oneDNN 2
      OneDnn.Agrees
      OneDnn.Repeats
  - set PRIMAL_GOLDEN
      Golden.Shared
  - no chromium here
      browser_report"
