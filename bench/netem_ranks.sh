#!/usr/bin/env bash
# Measures messages and training steps of ranks in network namespaces with a limited bandwidth and an added
# delay, and prints them beside the predictions of the model in apps/scaling, for docs/scaling.md. It needs
# root, iproute2, Open MPI and python3, and leaves nothing behind.
#
#   bench/netem_ranks.sh [ROUNDS] [PROGRAM]             3 rounds with build/release/bin/primal
#   NETWORKS="loopback 0:0 1:100" RANKS="2 4" bench/netem_ranks.sh
#                                                       delay in ms and rate in Mbit/s of each link (0: as
#                                                       fast as it goes); loopback: no namespaces, messages
#                                                       through the machine's memory
#   SIZE=64 BATCH=4 STEPS=21 CONFIG=configs/quick.toml  the step
#   OUT=DIR                                             keeps the JSON of every run there
#   OMPI_MCA_btl_tcp_flags=1 bench/netem_ranks.sh       any option of Open MPI
#
# Each rank has a namespace of its own. If the kernel has sch_netem, pairs of veth devices and a bridge join
# the namespaces, and `tc qdisc add dev ... root netem delay ... rate ...` slows each of them; otherwise
# bench/slow_network.py is the network. Open MPI starts its daemons not with ssh but with a script that enters
# the namespace of the given address.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=${1:-3}
program=${2:-$root/build/release/bin/primal}
networks=${NETWORKS:-"loopback 0:0 0:1000 1:1000 0:100 5:100"}
folder=$(mktemp -d)
out=${OUT:-$folder/out}
mkdir -p "$out"
tag=pr$$
daemon=""

missing() { echo "netem_ranks: $1" >&2; exit 1; }
[[ $(id -u) == 0 ]] || missing "namespaces need root: start it with sudo, or in a container with --privileged"
for tool in ip tc mpirun python3; do
  command -v "$tool" > /dev/null || missing "no $tool here (Debian: apt-get install iproute2 openmpi-bin python3)"
done
[[ -x $program ]] || missing "no program $program: build it first, or name it as second argument"
ip netns add "$tag-probe" 2> "$folder/errors" || missing "no network namespaces here: $(cat "$folder/errors")"
ip netns del "$tag-probe"

remove_network() {
  if [[ -n $daemon ]]; then kill "$daemon" 2> /dev/null || true; wait "$daemon" 2> /dev/null || true; daemon=""; fi
  for name in $(ip netns list | awk -v tag="$tag-" 'index($1, tag) == 1 { print $1 }'); do ip netns del "$name"; done
  ip link del "$tag" 2> /dev/null || true
}
trap 'remove_network; rm -rf "$folder"' EXIT

has_netem() {
  ip link add "$tag-a" type veth peer name "$tag-b" 2> /dev/null || return 1
  local found=0
  tc qdisc add dev "$tag-a" root netem delay 1ms 2> /dev/null || found=1
  ip link del "$tag-a"
  return $found
}
if has_netem; then way=netem; else way=slow_network.py; fi

# make_network RANKS DELAY_MS RATE_MBIT: namespaces $tag-0 ... with the addresses 10.77.0.1 ...
make_network() {
  local i names=()
  for ((i = 0; i < $1; ++i)); do
    ip netns add "$tag-$i"
    ip -n "$tag-$i" link set lo up
    names+=("$tag-$i")
  done
  if [[ $way == netem ]]; then
    ip link add "$tag" type bridge
    ip link set "$tag" up
    for ((i = 0; i < $1; ++i)); do
      ip link add "$tag-$i" type veth peer name slow0 netns "$tag-$i"
      ip link set "$tag-$i" master "$tag" up
      ip -n "$tag-$i" addr add "10.77.0.$((i + 1))/24" dev slow0
      ip -n "$tag-$i" link set slow0 up
      local how=(delay "${2}ms" limit 100000)
      if [[ $3 != 0 ]]; then how+=(rate "${3}mbit"); fi
      ip netns exec "$tag-$i" tc qdisc add dev slow0 root netem "${how[@]}"
    done
  else
    : > "$folder/ready"
    "$root/bench/slow_network.py" --delay-ms "$2" --rate-mbit "$3" "${names[@]}" > "$folder/ready" &
    daemon=$!
    for ((i = 0; i < 100; ++i)); do
      if grep -q ready "$folder/ready"; then break; fi
      kill -0 "$daemon" 2> /dev/null || missing "bench/slow_network.py ended"
      sleep 0.1
    done
  fi
}

# A script that replaces ssh: it runs a command in the namespace of the address at which Open MPI wants a
# daemon.
cat > "$folder/enter" << END
#!/bin/sh
host=\$1
shift
exec ip netns exec "$tag-\$((\${host##*.} - 1))" /bin/sh -c "\$*"
END
chmod +x "$folder/enter"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
hosts() { for ((i = 1; i <= $1; ++i)); do printf '%s10.77.0.%d:1' "$([[ $i == 1 ]] || echo ,)" "$i"; done; }
launch() { # launch NETWORK RANKS COMMAND...: mpirun in the first namespace, one rank in each
  local network=$1 n=$2
  shift 2
  if [[ $network == loopback ]]; then
    mpirun --bind-to none --oversubscribe -n "$n" "$@"
    return
  fi
  # Otherwise the daemons of one machine would find each other by its name: these options keep
  # addresses, and use only slow0.
  ip netns exec "$tag-0" mpirun --bind-to none -n "$n" --host "$(hosts "$n")" --mca plm rsh --mca plm_rsh_agent "$folder/enter" \
    --mca plm_rsh_no_tree_spawn 1 --mca orte_keep_fqdn_hostnames 1 --mca oob_tcp_if_include slow0 \
    --mca btl tcp,self --mca btl_tcp_if_include slow0 "$@"
}

echo "network by $way; load average $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors"
for network in $networks; do
  delay=${network%%:*} rate=${network##*:}
  for n in ${RANKS:-2 4}; do
    if [[ $network != loopback ]]; then make_network "$n" "$delay" "$rate"; fi
    for ((round = 1; round <= rounds; ++round)); do
      result="$out/${network/:/-}-ranks$n-round$round.json"
      # On a busy machine a daemon of Open MPI may give up while it starts, and mpirun then waits for ever;
      # such a round is repeated.
      for attempt in 1 2 3; do
        failed=0
        launch "$network" "$n" --timeout 240 "$program" profile --collective --step --json -q --threads 1 \
          --config "${CONFIG:-$root/configs/quick.toml}" --size "${SIZE:-64}" --batch "${BATCH:-4}" --rounds "${STEPS:-21}" \
          --min-time 0 --overwrite -o "$result" > /dev/null 2> "$folder/errors" || failed=$?
        if [[ $failed == 0 ]]; then break; fi
        if [[ $attempt == 3 ]]; then missing "mpirun ended with $failed in the network $network: $(cat "$folder/errors")"; fi
      done
    done
    remove_network
    name="$delay ms, $rate Mbit/s"
    if [[ $network == loopback ]]; then name=loopback; fi
    python3 - "$name" "$n" "$out/${network/:/-}-ranks$n-round"*.json << 'END'
import json, statistics, sys
network, ranks = sys.argv[1:3]
runs = [json.load(open(name)) for name in sys.argv[3:]]
def median(*keys):
    def value(run):
        for key in keys: run = run[key]
        return run
    return statistics.median(value(run) for run in runs)
fit = lambda key: median("messages", "fit", key)
measured, predicted = (lambda *k: median("step", "measured", *k)), (lambda *k: median("step", "predicted", *k))
print(f"{network}, {ranks} ranks: latency {fit('latency_us'):.0f} us (+ {fit('extra_latency_us'):.0f} above "
      f"{fit('extra_latency_above_bytes'):.0f} B), {fit('each_further_message_us'):.1f} us for each further message, "
      f"{1e3 * fit('gb_s'):.1f} MB/s, deviation {100 * fit('rms_deviation'):.0f} %")
for name, m, p in (("during backward", "step", "step_ms"), ("after backward", "step_without_overlap", "step_without_overlap_ms")):
    got, best, model = measured(m, "ms"), measured(m, "ms_best"), predicted(p)
    print(f"  messages {name:15}  measured {got:7.1f} ms (best {best:7.1f}), predicted {model:7.1f} ms ({100 * (model / got - 1):+.0f} %)")
print(f"  processor time of all ranks {measured('processor_ms_of_all_ranks'):.1f} ms a step, without messages {predicted('compute_ms'):.1f} ms "
      f"on each")
print(f"  hidden: measured {100 * measured('hidden'):.0f} %, predicted "
      f"{100 * predicted('hidden'):.0f} %; threads waited for a processor {100 * median('load', 'waited'):.0f} % of their time")
END
  done
done
