#!/usr/bin/env bash
# Installs missing packages, configures the release preset and builds it in build/release: everything, or the targets
# named. PRIMAL_WERROR=ON in the environment turns warnings into errors. ccache is used where it exists.
#
#   scripts/build.sh [TARGET...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/install_packages.sh"
cd "$root"
cmake --preset release --log-level=WARNING -DPRIMAL_WERROR="${PRIMAL_WERROR:-OFF}" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
  -DCMAKE_CUDA_COMPILER_LAUNCHER="$(command -v ccache || true)"
cmake --build --preset release --target "${@:-all}"
