#!/usr/bin/env bash
# Formats every C++ and CUDA source with clang-format (14, as Debian 12 has it); --check only looks,
# and fails on a difference and on a comment of more than 110 columns.
#
#   scripts/format.sh [--check]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  "") mode=(-i) ;;
  --check) mode=(--dry-run -Werror) ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
if [[ ${1:-} == --check ]]; then
  long=$(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt' |
    xargs -d '\n' grep -nHP '^(?=.{111}) *(//|#)' || true)
  if [[ -n $long ]]; then printf 'comments of more than 110 columns:\n%s\n' "$long" >&2; exit 1; fi
fi
find . \( -name build -o -name .git \) -prune -o -type f -regex '.*\.\(h\|cpp\|cu\|cuh\)' -print0 |
  xargs -0 --no-run-if-empty clang-format "${mode[@]}"
