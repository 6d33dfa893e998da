#!/usr/bin/env bash
# Everything there is to do on a machine with a GPU: tests, golden cases, proofs, compute-sanitizer, profiles, a training, and
# PyTorch beside it. Each step prints its time; one that fails does not keep the others from running, and the summary names it.
#
#   scripts/gpu.sh [--output DIR] [--quick] [BUILD_DIR]
#
# BUILD_DIR (build/cuda-release) is built here where nvcc is; a folder that was built elsewhere (preset cuda-release, which
# links statically) runs as it is. Results go to DIR (bench/results/cuda): tables, JSON, one log for each step.
# --quick leaves out the peers and the training. PYTHON names the Python that has PyTorch (python3).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=bench/results/cuda quick=0 build=build/cuda-release
while (($#)); do
  case $1 in
    --output) out=$2; shift 2 ;;
    --quick) quick=1; shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "gpu.sh: unknown option $1; --help lists them" >&2; exit 2 ;;
    *) build=$1; shift ;;
  esac
done
mkdir -p "$out"
failed=()

step() {  # step NAME COMMAND...: runs it, its output in DIR/NAME.log
  local name=$1 start=$SECONDS rc
  shift
  printf '==> %s: %s\n' "$name" "$*"
  "$@" > "$out/$name.log" 2>&1
  rc=$?
  tail -n 3 "$out/$name.log"
  printf '==> %s: %s, %d s\n' "$name" "$([[ $rc == 0 ]] && echo ok || echo "FAILED ($rc)")" $((SECONDS - start))
  [[ $rc == 0 ]] || failed+=("$name")
}

if command -v nvcc > /dev/null; then
  step configure cmake --preset cuda-release
  step build cmake --build --preset cuda-release
fi
primal=$build/bin/primal
if [[ ! -x $primal ]]; then echo "gpu.sh: $primal is not there: build it with nvcc (preset cuda-release)" >&2; exit 1; fi
if ! "$primal" inspect --devices | tee "$out/devices.txt" | grep -q '^cuda:'; then
  cat "$out/devices.txt" >&2
  echo "gpu.sh: no CUDA device here" >&2
  exit 4
fi
cat "$out/devices.txt"
cuda=(--device cuda)
golden=(tests/golden)
[[ -d ${PRIMAL_GOLDEN:-../shared/golden} ]] && golden+=("${PRIMAL_GOLDEN:-../shared/golden}")

step test_ops "$build/tests/test_apps_cuda_ops"
step test_order "$build/tests/test_apps_cuda_order"
step test_training "$build/tests/test_apps_cuda_training"
step check "$primal" check "${cuda[@]}"
step verify "$primal" verify "${golden[@]}" "${cuda[@]}"
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck synccheck initcheck; do
    step "sanitizer_$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$primal" verify tests/golden "${cuda[@]}"
  done
else
  echo "==> no compute-sanitizer here: not run"
fi
step profile_ops "$primal" profile "${cuda[@]}" --quiet
step profile_step "$primal" profile --step "${cuda[@]}" --trace "$out/step_trace.json" --overwrite --quiet
step tune "$primal" tune "${cuda[@]}" --overwrite -o "$out/plan.json" --quiet
step profile_step_tuned "$primal" profile --step "${cuda[@]}" --plan "$out/plan.json" --quiet
if ((!quick)); then
  step train "$primal" train configs/thesis.toml "${cuda[@]}" --steps 1000 --overwrite -o "$out/run" --progress none
  python=${PYTHON:-python3}
  if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
    for precision in fp32 tf32; do
      step "peer_eager_$precision" "$python" bench/peers/compare.py --device cuda --precision "$precision" --rounds 5 --steps 20 \
        --max-foreign 4 --primal "$build/bin/primal_step_bench" --output "$out/step_eager_$precision.md"
      step "peer_graph_$precision" "$python" bench/peers/compare.py --device cuda --precision "$precision" --graph --rounds 5 \
        --steps 20 --max-foreign 4 --primal "$build/bin/primal_step_bench" --output "$out/step_graph_$precision.md"
    done
  else
    echo "==> $python has no PyTorch with CUDA: peers not run"
  fi
fi
if ((${#failed[@]})); then printf 'failed: %s\n' "${failed[*]}"; exit 1; fi
echo "all passed; results in $out"
