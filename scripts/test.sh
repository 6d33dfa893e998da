#!/usr/bin/env bash
# Installs, builds everything in Release, runs the whole test suite and lists what was skipped and
# why. Arguments go to ctest.
#
#   scripts/test.sh                    everything
#   scripts/test.sh --all              with a browser for the tests of web pages, and Python packages to
#                                      compare with (in build/python), where they can be installed
#   scripts/test.sh -R pdhg            the tests whose name matches
#   scripts/test.sh -LE slow           all but the slow ones
#   PRIMAL_WERROR=ON scripts/test.sh   warnings are errors, as in CI
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ ${1:-} == --all ]]; then
  shift
  "$root/scripts/install_packages.sh" chromium chromium-driver python3-selenium ||
    echo "no browser here: the tests of web pages will be skipped" >&2
  command -v python3 > /dev/null && python3 -m pip --version > /dev/null 2>&1 ||
    "$root/scripts/install_packages.sh" python3-minimal python3-pip || true
  # The Python module is compiled for python3, and its layer for PyTorch is tested with Debian's.
  "$root/scripts/install_packages.sh" python3-dev python3-torch python3-matplotlib python3-pytest ||
    echo "no PyTorch here: the tests of the layer will be skipped" >&2
  python3 -m pip install --quiet --root-user-action=ignore --only-binary :all: --upgrade --target "$root/build/python" \
    numpy pillow tifffile nibabel pydicom tensorboard nanobind pytest scikit-image ||
    echo "no packages from PyPI here: the tests that compare with them will be skipped" >&2
  export PYTHONPATH="$root/build/python"
fi
"$root/scripts/build.sh"
rc=0
ctest --test-dir "$root/build/release" --output-on-failure --no-tests=error -j "$(nproc)" "$@" || rc=$?
"$root/scripts/skipped_tests.sh" "$root/build/release"  # and why
exit "$rc"
