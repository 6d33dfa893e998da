#!/usr/bin/env bash
# The time of a training step on one rank of one thread, one rank of two threads, and two ranks of one thread
# each, as ratios: what docs/distributed.md reports. The three are measured in turn, in several rounds.
#
#   bench/ranks.sh [ROUNDS] [PROGRAM]       5 rounds of 60 steps with build/release/bin/primal
#   SIZE=128 BATCH=8 bench/ranks.sh         pictures of 128 x 128, eight in a step (64 and 4)
#
# It prints two numbers for each: the shortest step, which other programs disturb least, and the processor
# time of a step, summed over all threads and ranks. The latter comes from the difference between 60 and 10
# steps, so that starting is not counted. Ratios are to one rank of two threads.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=${1:-5}
program=${2:-$root/build/release/bin/primal}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

train() {  # train RANKS THREADS STEPS: prints user and system time in seconds, and leaves the times of steps in $folder/run
  TIMEFORMAT='%U %S'
  { time mpirun --bind-to none -n "$1" "$program" train "$root/configs/quick.toml" -q --threads "$2" --steps "$3" --overwrite -o "$folder/run" \
      --set data.size="${SIZE:-64}" --set training.batch="${BATCH:-4}" --set data.n_train=40 --set data.n_validation=1 \
      --set training.baselines=false --set training.validate_every=100000 > /dev/null 2> "$folder/errors"; } 2>&1 |
    awk '{ print $1 + $2 }'
}
shortest() { tail -n +12 "$folder/run/metrics.csv" | cut -d, -f6 | sort -g | head -1; }

for ((round = 1; round <= rounds; ++round)); do
  for case in "1 1" "1 2" "2 1"; do
    read -r ranks threads <<< "$case"
    few=$(train "$ranks" "$threads" 10)
    many=$(train "$ranks" "$threads" 60)
    echo "$ranks $threads $(shortest) $(awk -v a="$many" -v b="$few" 'BEGIN { print 1000 * (a - b) / 50 }')"
  done
done | tee "$folder/rows" | sed 's/^/  ranks threads shortest_ms processor_ms: /'

awk '
  function median(name, n, i, j, t, v) {
    for (i = 1; i <= n; ++i) v[i] = values[name, i]
    for (i = 1; i <= n; ++i) for (j = i + 1; j <= n; ++j) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  { key = $1 " " $2; n[key]++; values[key " s", n[key]] = $3; values[key " p", n[key]] = $4 }
  END {
    for (k = 1; k <= 3; ++k) {
      key = k == 1 ? "1 1" : k == 2 ? "1 2" : "2 1"
      printf "ranks x threads %s: shortest step %.1f ms (%.2f), processor time %.1f ms (%.2f)\n", key, median(key " s", n[key]),
        median(key " s", n[key]) / median("1 2 s", n["1 2"]), median(key " p", n[key]), median(key " p", n[key]) / median("1 2 p", n["1 2"])
    }
  }' "$folder/rows"
