#!/usr/bin/env bash
# Builds the fuzz targets (clang, libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) and runs each for
# SECONDS, side by side over the cores. Fails on a finding, which it leaves in build/fuzz/findings, with the
# command that repeats it.
#
#   scripts/fuzz.sh [SECONDS [SEED [READER...]]]      default: 60 s, a new seed each time, all readers
#
# What a run has learnt stays in build/fuzz/corpus, and the next one goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
seed=${2:-0}  # 0: libFuzzer takes the time
readers=(image metadata npy npz nifti nifti_gz pnm pfm tiff webp dicom safetensors table idx config)
chosen=("${@:3}")
usage() { echo "usage: scripts/fuzz.sh [SECONDS [SEED [READER...]]], with readers ${readers[*]}" >&2; exit 2; }
if [[ ! $seconds =~ ^[0-9]+$ || ! $seed =~ ^[0-9]+$ ]]; then usage; fi
for reader in "${chosen[@]}"; do [[ " ${readers[*]} " == *" $reader "* ]] || usage; done

cmake --preset fuzz --log-level=WARNING -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"
cmake --build --preset fuzz
bin=build/fuzz/bin corpus=build/fuzz/corpus findings=build/fuzz/findings seeds=build/fuzz/seeds
"$bin/fuzz_seeds" "$seeds"
mkdir -p "$findings"

# fuzz READER: the length keeps a picture's pixels, which may be thousands to a byte, within the memory
# limit. The timeout counts wall-clock time, so it must allow for a busy machine; what a run has tested is
# measured by its processor time.
fuzz() {
  local log=$findings/$1.log length=2048
  if [[ $1 == safetensors || $1 == table ]]; then length=4096; fi
  mkdir -p "$corpus/$1"
  local TIMEFORMAT='%U %S' outcome=0
  { time "$bin/fuzz_$1" -seed="$seed" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=4096 -max_len="$length" \
      -print_final_stats=1 -artifact_prefix="$findings/$1-" "$corpus/$1" "$seeds/$1" > "$log" 2>&1; } 2> "$log.time" || outcome=$?
  if [[ $outcome == 0 ]]; then
    echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s," \
      "$(awk '{ printf "%.0f", $1 + $2 }' "$log.time") s of processor time, no finding"
  else
    tail -n 40 "$log" >&2
    echo "$1: a finding; to repeat it: $bin/fuzz_$1 $findings/$1-..." >&2
    return 1
  fi
}

pids=()
for reader in "${readers[@]}"; do
  if [[ ${#chosen[@]} -gt 0 && " ${chosen[*]} " != *" $reader "* ]]; then continue; fi
  # TIFF, WebP and DICOM are missing where their libraries are.
  if [[ -x $bin/fuzz_$reader ]]; then fuzz "$reader" & pids+=($!); else echo "$reader: not built: its library is missing"; fi
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
exit "$failed"
