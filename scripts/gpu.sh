#!/usr/bin/env bash
# Everything there is to do on a machine with a GPU: tests, golden cases, proofs, compute-sanitizer, profiles,
# a training, and PyTorch beside it. Each step prints its time; one that fails does not keep the others from
# running, and the summary names it.
#
#   scripts/gpu.sh [--output DIR] [--parts LIST] [--quick] [--no-build] [--limit SECONDS] [BUILD_DIR]
#
# BUILD_DIR (build/cuda-release) is built first if nvcc is found, unless --no-build is given; a folder that
# was built elsewhere (preset cuda-release, which links statically) can be used as it is. Results go to DIR
# (bench/results/cuda): tables, JSON, one log for each step, and an archive of all of them, DIR.tar.gz.
# --parts tests,profile runs only these parts; the parts are tests, profile, peers, sanitizer and
# train, in this order. Each takes less than ten minutes, and no step more than --limit (300 s).
# --quick means --parts tests,profile.
# PYTHON names the Python that has PyTorch (python3). cuDNN and cuBLASLt are also looked for in its packages.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=bench/results/cuda build=build/cuda-release do_build=1 limit=300
all_parts=tests,profile,peers,sanitizer,train
parts=$all_parts
while (($#)); do
  case $1 in
    --output) out=$2; shift 2 ;;
    --parts) parts=$2; shift 2 ;;
    --quick) parts=tests,profile; shift ;;
    --no-build) do_build=0; shift ;;
    --limit) limit=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    -*) echo "gpu.sh: unknown option $1; --help lists them" >&2; exit 2 ;;
    *) build=$1; shift ;;
  esac
done
for part in ${parts//,/ }; do
  [[ ,$all_parts, == *,$part,* ]] || { echo "gpu.sh: unknown part $part; there are $all_parts" >&2; exit 2; }
done
mkdir -p "$out"
failed=()

step() {  # step NAME COMMAND...: runs it, its output in DIR/NAME.log
  local name=$1 start=$SECONDS rc
  shift
  printf '==> %s: %s\n' "$name" "$*"
  timeout --kill-after 10 "$limit" "$@" > "$out/$name.log" 2>&1
  rc=$?
  tail -n 3 "$out/$name.log"
  printf '==> %s: %s, %d s\n' "$name" "$([[ $rc == 0 ]] && echo ok || echo "FAILED ($rc)")" $((SECONDS - start))
  [[ $rc == 0 ]] || failed+=("$name")
}

asked_for() { [[ ,$parts, == *,$1,* ]]; }  # asked_for PART

if ((do_build)) && command -v nvcc > /dev/null; then
  limit=3600 step configure cmake --preset cuda-release
  limit=3600 step build cmake --build --preset cuda-release
fi
primal=$build/bin/primal
if [[ ! -x $primal ]]; then echo "gpu.sh: $primal is not there: build it with nvcc (preset cuda-release)" >&2; exit 1; fi

# NVIDIA's libraries from PyTorch's packages, unless others are chosen.
python=${PYTHON:-python3}
package_folder() {  # package_folder nvidia.cudnn: where that package lies; nothing where it is not there
  "$python" -c "import importlib, sys; print(list(importlib.import_module('$1').__path__)[0])" 2> /dev/null
}
first_folder() {  # first_folder PACKAGE...
  local package folder
  for package in "$@"; do
    folder=$(package_folder "$package") && [[ -n $folder ]] && { echo "$folder"; return; }
  done
}
[[ -n ${CUDNN_ROOT:-} ]] || CUDNN_ROOT=$(first_folder nvidia.cudnn)
[[ -n ${CUBLAS_ROOT:-} ]] || CUBLAS_ROOT=$(first_folder nvidia.cu13 nvidia.cublas)
export CUDNN_ROOT CUBLAS_ROOT

"$primal" inspect --devices > "$out/devices.txt" 2>&1
cat "$out/devices.txt"
if ! grep -q '^cuda:' "$out/devices.txt"; then
  echo "gpu.sh: no CUDA device here" >&2
  exit 4
fi
cuda=(--device cuda)

if asked_for tests; then
  step test_simt "$build/tests/test_tensor_cuda_simt"
  step test_ops "$build/tests/test_apps_cuda_ops"
  step test_order "$build/tests/test_apps_cuda_order"
  step test_training "$build/tests/test_apps_cuda_training"
  step test_graph "$build/tests/test_apps_cuda_recorded_training"
  step check "$primal" check "${cuda[@]}"
  golden=(tests/golden)
  [[ -d ${PRIMAL_GOLDEN:-../shared/golden} ]] && golden+=("${PRIMAL_GOLDEN:-../shared/golden}")
  step verify "$primal" verify "${golden[@]}" "${cuda[@]}"
fi
if asked_for profile; then
  step profile_ops "$primal" profile "${cuda[@]}" --quiet
  for precision in fp32 tf32; do
    step "step_$precision" "$build/bin/primal_step_bench" "${cuda[@]}" --precision "$precision" --rounds 50 --warmup 5
    step "profile_step_$precision" "$primal" profile --step "${cuda[@]}" --precision "$precision" \
      --trace "$out/step_trace_$precision.json" --overwrite --quiet
    own=tiled; [[ $precision == tf32 ]] && own=tensor_core
    step "predict_$precision" "$primal" profile --step --predict h200 "${cuda[@]}" --precision "$precision" --impl conv3d=$own --quiet
    step "tune_$precision" "$primal" tune "${cuda[@]}" --precision "$precision" --overwrite -o "$out/plan_$precision.json" --quiet
    step "profile_step_tuned_$precision" "$primal" profile --step "${cuda[@]}" --precision "$precision" \
      --plan "$out/plan_$precision.json" --quiet
  done
fi
if asked_for peers; then
  if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
    compare=("$python" bench/peers/compare.py "${cuda[@]}" --rounds 5 --steps 20 --max-foreign 4 --primal "$build/bin/primal_step_bench")
    for precision in fp32 tf32; do
      step "peer_eager_$precision" "${compare[@]}" --precision "$precision" --output "$out/step_eager_$precision.md"
      step "peer_graph_$precision" "${compare[@]}" --precision "$precision" --graph --output "$out/step_graph_$precision.md"
    done
  else
    echo "==> $python has no PyTorch with CUDA: peers not run"
  fi
fi
if asked_for sanitizer; then
  # A few cases on Primal's own kernels: vendor libraries need no check here, and each tool slows a
  # kernel down a hundredfold.
  if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck synccheck initcheck; do
      step "sanitizer_$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$primal" check conv3d pdhg adam "${cuda[@]}" \
        --impl conv3d=tiled
    done
  else
    echo "==> no compute-sanitizer here: not run"
  fi
fi
if asked_for train; then
  step train "$primal" train configs/thesis.toml "${cuda[@]}" --steps 1000 --overwrite -o "$out/run" --progress none
fi
tar -czf "$out.tar.gz" -C "$(dirname "$out")" "$(basename "$out")" && echo "==> $out.tar.gz"
if ((${#failed[@]})); then printf 'failed: %s\n' "${failed[*]}"; exit 1; fi
echo "all passed; results in $out"
