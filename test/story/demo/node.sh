#!/usr/bin/env bash
# The enforcement node: containerd's containers, the agent, and a loop that runs inside a container what the story asks for.
# Runs as root in the microVM or, where the kernel can attach LSM programs, on this machine. Usage: node.sh SHARE
# SHARE/requests/ID.CONTAINER   a shell script to run in CONTAINER; its output appears as SHARE/results/ID
# SHARE/probes/ID.CONTAINER     the same, left running; its output grows in SHARE/results/ID
set -euo pipefail
share=$1
export CONTAINERD_ADDRESS=${CONTAINERD_ADDRESS:-/run/containerd/containerd.sock}
mkdir -p "$share"/{requests,probes,results,target/reports}
say() { echo "$(cut -d' ' -f1 /proc/uptime)s $*"; }

if ! ctr version > /dev/null 2>&1; then
  say "starting containerd"
  containerd > "$share/containerd.log" 2>&1 &
  until ctr version > /dev/null 2>&1; do sleep 0.2; done
fi
say "importing the image"
ctr images import "$share/image.tar" > /dev/null
cleanup() {
  parapet agent stop --remove > /dev/null 2>&1 || true
  for name in web vault; do
    ctr tasks kill --signal SIGKILL "$name" > /dev/null 2>&1 && ctr tasks delete --force "$name" > /dev/null 2>&1 || true
    ctr containers delete "$name" > /dev/null 2>&1 || true
  done
}
trap cleanup EXIT
cleanup

for name in web vault; do
  ctr run --detach --label "app=$name" --label parapet.dev/namespace=shop local.test/shop:1 "$name"
done
say "two containers run: web, vault"

parapet agent run --policies "$share/target" --reports "$share/target/reports" --alerts "$share/alerts.jsonl" \
  --node demo-node --default-posture block > "$share/agent.log" 2>&1 &
agent=$!
for policy in $(cat "$share/policies"); do
  until parapet agent wait --policy "$policy" --timeout 10m; do
    [ $? = 3 ] # nobody answers, which on a slow machine may take an agent long
    kill -0 $agent
  done
done
say "the agent enforces"
touch "$share/ready"

run() { # run FILE OUTPUT: FILE is named ID.CONTAINER
  local name=${1##*/}; name=${name#.}
  ctr tasks exec --exec-id "x${name%%.*}" "${name#*.}" /bin/sh -c "$(cat "$1")" > "$2" 2>&1 < /dev/null || true
}
while [ ! -e "$share/stop" ]; do
  for file in "$share"/requests/*.*; do
    [ -e "$file" ] || continue
    id=${file##*/}; id=${id%%.*}
    run "$file" "$share/results/.$id"
    rm "$file"; mv "$share/results/.$id" "$share/results/$id"
  done
  for file in "$share"/probes/*.*; do
    [ -e "$file" ] || continue
    id=${file##*/}; id=${id%%.*}
    mv "$file" "$share/probes/.${file##*/}"
    run "$share/probes/.${file##*/}" "$share/results/$id" &
  done
  sleep 0.2
done
parapet agent status
