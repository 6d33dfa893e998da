#!/usr/bin/env bash
# Proves that a training survives kill -9: kills one N times at random moments, resumes it each time, and
# compares what it leaves, losses, validations and weights, with a training that nobody disturbed.
#
#   scripts/kill_test.sh [N]               20 kills by default
#   scripts/kill_test.sh 5 PROGRAM FOLDER  with this program, in this folder (kept; by default one in /tmp,
#                                          removed)
#   TASK=classify scripts/kill_test.sh     the training of a classifier, with dropout; reconstruct: of
#                                          an autoencoder, with batch normalisation; sequence: of
#                                          frames in time; sure, noise2noise: denoising without clean
#                                          pictures; by default denoise
#
# The moments come from SEED (default: the clock), which is printed: SEED=123 scripts/kill_test.sh repeats
# them as far as the machine does. Prints one line a kill and ends with 0 where all is equal, 6 where
# something differs or cannot be loaded.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kills=${1:-20}
program=${2:-$root/build/release/bin/primal}
if [[ $# -ge 3 ]]; then
  folder=$3
  mkdir -p "$folder"
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
RANDOM=${SEED:=$(date +%s)}

# A fifth of a second of training for each kill, or more. A checkpoint at least each second, so that kills
# meet the writing of one often; besides these one an epoch, and a numbered one.
task=${TASK:-denoise}
kind=$task
[[ $task == sure || $task == noise2noise ]] && kind=denoise
settings=(--set task.kind="$kind" --set training.checkpoint_seconds=1 --set training.learning_rate=1e-3
  --set training.final_learning_rate=1e-5 --keep 2 --threads 2)
case $task in
  denoise)
    settings+=(--set data.size=48 --set data.n_train=25 --set data.n_validation=4 --set model.filters=8 --set model.blocks=2
      --set model.iterations=64 --steps $((kills * 75))) ;;
  classify)
    settings+=(--data "" --set data.n_train=100 --set data.n_validation=20 --set classifier.size=64 --set classifier.labels=defect,ok
      --set training.batch=5 --steps $((kills * 150))) ;;
  reconstruct)
    settings+=(--data "" --set autoencoder.layout=mnist --set data.n_train=320 --set data.n_validation=64
      --set training.batch=8 --steps $((kills * 60))) ;;
  sequence)
    settings+=(--data "" --set data.size=24 --set data.frames=8 --set data.n_train=25 --set data.n_validation=3
      --set sequence.filters=4 --set sequence.iterations=32 --set sequence.pad_t=4 --steps $((kills * 50))) ;;
  sure | noise2noise)
    settings+=(--set training.loss="$task" --set data.size=48 --set data.n_train=25 --set data.n_validation=4 --set model.filters=8
      --set model.blocks=2 --set model.iterations=64 --steps $((kills * 75))) ;;
  *) echo "kill_test: TASK=$task: denoise, sequence, classify, reconstruct, sure or noise2noise" >&2; exit 2 ;;
esac

fail() { echo "kill_test: $* (SEED=$SEED, $folder)" >&2; exit 6; }
# What must be equal: all columns but the time of a step.
rows() { cut -d, -f1-5,7- "$1/metrics.csv"; }

start=$(date +%s%N)
"$program" train -q "${settings[@]}" -o "$folder/whole" --overwrite > /dev/null
whole_ms=$((($(date +%s%N) - start) / 1000000))
echo "undisturbed: $whole_ms ms, SEED=$SEED"

rm -rf "$folder/killed"
"$program" train -q "${settings[@]}" -o "$folder/killed" > /dev/null &
done_kills=0
while [[ $done_kills -lt $kills ]]; do
  training=$!
  sleep "$(awk -v r=$RANDOM -v ms=$whole_ms -v n="$kills" 'BEGIN { print (0.1 + 1.2 * r / 32767) * ms / n / 1000 }')"
  if ! kill -9 "$training" 2> /dev/null; then
    wait "$training" || fail "the training ended by itself with $?"
    break  # it was done before the last kills
  fi
  wait "$training" 2> /dev/null || true
  done_kills=$((done_kills + 1))
  if [[ -e $folder/killed/last.safetensors ]]; then
    "$program" train --resume --dry-run --json -q -o "$folder/killed" > "$folder/plan.json" ||
      fail "after kill $done_kills the checkpoint cannot be loaded"
    echo "kill $done_kills: goes on from step $(sed -n 's/.*"steps_done": \([0-9]*\).*/\1/p' "$folder/plan.json")"
    "$program" train -q --resume -o "$folder/killed" --threads 2 > /dev/null &
  else
    echo "kill $done_kills: before the first checkpoint"
    "$program" train -q "${settings[@]}" -o "$folder/killed" > /dev/null &
  fi
done
wait $! || fail "the training that was resumed last ended with $?"

diff <(rows "$folder/whole") <(rows "$folder/killed") > "$folder/difference" ||
  fail "metrics differ: $(head -5 "$folder/difference")"

# The tensors and the step; the rest of the metadata has the folder's name and times.
tensors() { python3 -c '
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
print(hashlib.sha256(data[8 + n:]).hexdigest(), json.loads(data[8:8 + n])["__metadata__"]["step"])' "$1"; }
for name in last best; do
  if command -v python3 > /dev/null; then
    [[ $(tensors "$folder/whole/$name.safetensors") == $(tensors "$folder/killed/$name.safetensors") ]] ||
      fail "$name.safetensors differs"
  fi
done
compgen -G "$folder/killed/.*.tmp" > /dev/null && fail "unfinished files were left"
echo "$done_kills kills: $(($(wc -l < "$folder/whole/metrics.csv") - 1)) steps equal an undisturbed training's"
