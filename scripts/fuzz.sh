#!/usr/bin/env bash
# Builds the fuzz targets (clang, libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) and runs each for SECONDS, side by
# side over the cores. Fails on a finding, which it leaves in build/fuzz/findings, with the command that repeats it.
#
#   scripts/fuzz.sh [SECONDS [SEED]]      default 60, and a seed of its own each time
#
# What a run has learnt stays in build/fuzz/corpus, and the next one goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
seed=${2:-0}  # 0: libFuzzer takes the time
if [[ ! $seconds =~ ^[0-9]+$ || ! $seed =~ ^[0-9]+$ ]]; then echo "usage: scripts/fuzz.sh [SECONDS [SEED]]" >&2; exit 2; fi

cmake --preset fuzz --log-level=WARNING -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"
cmake --build --preset fuzz
bin=build/fuzz/bin corpus=build/fuzz/corpus findings=build/fuzz/findings seeds=build/fuzz/seeds
"$bin/fuzz_seeds" "$seeds"
mkdir -p "$findings"

# fuzz NAME MAX_LENGTH: the length keeps a picture's pixels, which may be thousands to a byte, within the memory limit.
fuzz() {
  mkdir -p "$corpus/$1"
  local log=$findings/$1.log
  if "$bin/fuzz_$1" -seed="$seed" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -max_len="$2" -print_final_stats=1 \
      -artifact_prefix="$findings/$1-" "$corpus/$1" "$seeds/$1" > "$log" 2>&1; then
    echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, no finding"
  else
    tail -n 40 "$log" >&2
    echo "$1: a finding; to repeat it: $bin/fuzz_$1 $findings/$1-..." >&2
    return 1
  fi
}

pids=()
fuzz image 2048 & pids+=($!)
fuzz metadata 2048 & pids+=($!)
for format in npy npz nifti nifti_gz pnm pfm tiff webp dicom; do
  # TIFF, WebP and DICOM are missing where their libraries are.
  if [[ -x $bin/fuzz_$format ]]; then fuzz "$format" 2048 & pids+=($!); fi
done
fuzz safetensors 4096 & pids+=($!)
fuzz table 4096 & pids+=($!)
fuzz idx 2048 & pids+=($!)
fuzz config 2048 & pids+=($!)
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
exit "$failed"
