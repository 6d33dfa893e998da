#!/usr/bin/env bash
# Installs missing packages, configures the release preset and builds it in build/release:
# everything, or the targets named. PRIMAL_WERROR=ON in the environment turns warnings into errors.
# ccache is used where it exists.
#
# A first configuration takes CUDA along only where both nvcc and a device are; PRIMAL_CUDA=AUTO in the
# environment asks for nvcc alone, OFF and ON mean what they say. A folder that has been configured keeps its
# choice unless PRIMAL_CUDA is set.
#
# A first configuration also compiles the sources of a folder in groups (cmake/PrimalUnity.cmake): that takes
# about half the time, but a change in one source compiles its group again. Use
# `cmake --preset release -DPRIMAL_UNITY=OFF` if you change many files.
#
#   scripts/build.sh [TARGET...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/install_packages.sh"
cd "$root"
cuda=${PRIMAL_CUDA:-} unity=
if [[ ! -e build/release/CMakeCache.txt ]]; then
  unity=ON
  if [[ -z $cuda ]]; then
    cuda=OFF
    if [[ -e /dev/nvidiactl || -e /dev/dxg ]] || nvidia-smi -L 2> /dev/null | grep -q '^GPU'; then cuda=AUTO; fi
  fi
fi
cmake --preset release ${cuda:+"-DPRIMAL_CUDA=$cuda"} ${unity:+-DPRIMAL_UNITY=ON} --log-level=WARNING -DPRIMAL_WERROR="${PRIMAL_WERROR:-OFF}" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
  -DCMAKE_CUDA_COMPILER_LAUNCHER="$(command -v ccache || true)"
cmake --build --preset release --target "${@:-all}"
