#!/usr/bin/env bash
# One experiment by hand, to see the mechanism: every command is printed before it is run, and a trap puts everything
# back, whatever happens. What `chaoslab run` adds: a baseline, evidence that the fault landed, bounds, a verdict, and a
# guard that reverts when even this shell is killed.
#
#   sudo scripts/run-experiment.sh [partition|stop|kill|latency] [node] [seconds]
#
#   partition   iptables drops what is sent to the node (default: partition payments 10)
#   stop        SIGSTOP to all its processes: it hangs
#   kill        SIGKILL to all its processes: the lab starts it again
#   latency     tc netem, where the kernel has it: 200 ms on what the node sends
set -euo pipefail
cd "$(dirname "$0")/.."

fault=${1:-partition}
node=${2:-payments}
seconds=${3:-10}
lab=by-hand
chaoslab=dist/chaoslab

usage() {
  echo "run-experiment: $1; usage: scripts/run-experiment.sh [partition|stop|kill|latency] [node] [seconds]" >&2
  exit 2
}
case $fault in partition | stop | kill | latency) ;; *) usage "no such fault: $fault" ;; esac
[[ $seconds =~ ^[0-9]+$ && $seconds -ge 1 && $seconds -le 600 ]] || usage "seconds is 1 to 600, not $seconds"
if [ "$(id -u)" -ne 0 ]; then
  echo "run-experiment: needs root (sudo scripts/run-experiment.sh)" >&2
  exit 3
fi
[ -x "$chaoslab" ] || { scripts/setup && scripts/build; }

show() {
  printf '+ %s\n' "$*" >&2
  "$@"
}

# What undoes the fault is written down before anything is done; nothing of it fails when there is nothing to undo.
undo=()
load=
nap=
# A trap runs when a builtin waits, and only after a program that bash itself waits for.
pause() {
  sleep "$1" &
  nap=$!
  wait "$nap"
}
rollback() {
  trap '' INT TERM
  trap - EXIT
  if [ "${#undo[@]}" -gt 0 ]; then show "${undo[@]}" || true; fi
  undo=()
  if [ -n "$nap" ]; then kill "$nap" 2>/dev/null || true; fi
  if [ -n "$load" ]; then kill "$load" 2>/dev/null || true; fi
  show "$chaoslab" down --lab "$lab"
}
trap rollback EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show "$chaoslab" up --lab "$lab"
namespace=chaoslab-$lab-$node
[ -e "/run/netns/$namespace" ] || usage "no such node: $node"

# Everything that runs in the node's namespace: its processes and no others.
pids() { ip netns pids "$namespace"; }
signal() {
  local all
  mapfile -t all < <(pids)
  [ "${#all[@]}" -eq 0 ] || kill "-$1" "${all[@]}"
}

"$chaoslab" load --lab "$lab" --rate 100 --for "$((seconds + 20))s" &
load=$!
pause 10

echo "--- $fault on $node for $seconds s" >&2
case $fault in
  partition)
    undo=(ip netns exec "$namespace" iptables -w -D INPUT -j DROP)
    show ip netns exec "$namespace" iptables -w -I INPUT -j DROP
    ;;
  stop)
    undo=(signal CONT)
    show signal STOP
    ;;
  kill)
    show signal KILL
    ;;
  latency)
    undo=(ip netns exec "$namespace" tc qdisc del dev eth0 root)
    show ip netns exec "$namespace" tc qdisc add dev eth0 root netem delay 200ms limit 100000
    ;;
esac
pause "$seconds"
echo "--- reverted" >&2
if [ "${#undo[@]}" -gt 0 ]; then show "${undo[@]}"; fi
undo=()
wait "$load" || true
load=
