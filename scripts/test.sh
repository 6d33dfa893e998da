#!/usr/bin/env bash
# Installs, builds everything in Release, runs the whole test suite and lists what was skipped and why. Arguments go to ctest.
#
#   scripts/test.sh                    everything
#   scripts/test.sh --all              with a browser for the tests of web pages, where it can be installed
#   scripts/test.sh -R pdhg            the tests whose name matches
#   scripts/test.sh -LE slow           all but the slow ones
#   PRIMAL_WERROR=ON scripts/test.sh   warnings are errors, as in CI
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ ${1:-} == --all ]]; then
  shift
  "$root/scripts/install_packages.sh" chromium chromium-driver python3-selenium ||
    echo "no browser here: the tests of web pages will be skipped" >&2
fi
"$root/scripts/build.sh"
rc=0
ctest --test-dir "$root/build/release" --output-on-failure --no-tests=error -j "$(nproc)" "$@" || rc=$?
"$root/scripts/skipped_tests.sh" "$root/build/release"  # and why
exit "$rc"
