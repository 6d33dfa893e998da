#!/usr/bin/env bash
# Primal's training step against its peers on the same cores: builds our programs, checks that the peers
# compute the same, and runs them in alternating rounds (about a minute each; 9 by default). Writes the table
# to bench/results/cpu_bench.md.
#
#   scripts/bench.sh [--setup] [OPTION...]
#
# --setup first installs the peers (bench/peers/setup.sh: PyTorch, 6 GB). The other options are
# compare.py's, such as --rounds 3, --peers channels_last,function, --threads 2, --impl
# conv3d=winograd; bench/peers/compare.py --help has all. Nothing else is installed but packages the
# build lacks (scripts/build.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
options=(--output bench/results/cpu_bench.md)
while (($#)); do
  case $1 in
    --setup) bench/peers/setup.sh; shift ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) options+=("$1"); shift ;;
  esac
done

scripts/build.sh primal_step_bench primal_conv3d_error
for python in /usr/bin/python3 build/peers/venv/bin/python; do
  if "$python" -c 'import torch' 2> /dev/null; then
    "$python" bench/peers/torch_step.py --check --size 128 --iterations 128
    "$python" bench/peers/numpy_tv.py --check
  fi
done
bench/peers/compare.py "${options[@]}"
