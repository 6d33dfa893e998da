#!/usr/bin/env bash
# From a bare Debian 12 to a trained regularisation map: installs, builds the program and runs `primal demo`,
# about a minute of training on phantoms. Arguments go to the demo.
#
#   scripts/demo.sh [ARGUMENT...]      scripts/demo.sh --help lists them
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/build.sh" primal
exec "$root/build/release/bin/primal" demo "$@"
