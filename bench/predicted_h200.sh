#!/usr/bin/env bash
# Prints what `primal profile --predict h200` predicts for the training step of the thesis model. It needs no
# GPU and measures nothing.
#
#   bench/predicted_h200.sh build/release/bin/primal > bench/results/predicted_h200.md
set -euo pipefail
primal=${1:?usage: bench/predicted_h200.sh PRIMAL}

sums() { awk '/^kernel +launches/, /^sum /'; }
of() { "$primal" profile --step --predict h200 -q "$@"; }

cat << 'END'
# A training step on an H200, predicted

`bench/predicted_h200.sh` made this page with `primal profile --step --predict h200`. **Nothing here was measured on a device.**
[docs/tensor-cores.md](../../docs/tensor-cores.md#a-whole-step-predicted) explains the model and how wrong it may be. The step is that of the
thesis model: 256 x 256 pixels, batch 1, T = 256, learnt step sizes, recorded as one graph.

END
for precision in "--precision tf32" "--precision fp32 --impl conv3d=tensor_core_3x" "--precision fp32"; do
  echo "## \`$precision\`"
  echo
  echo '```'
  # shellcheck disable=SC2086
  of $precision | sums
  echo '```'
  echo
done
echo "## Launch by launch, \`--precision tf32\`"
echo
echo '```'
# awk reads to the end: if it stopped early, the program could not write the rest, and this script would stop
# too.
of --precision tf32 | awk '/^kernel +launches/ { done = 1 } !done' | sed '/^$/d'
echo '```'
