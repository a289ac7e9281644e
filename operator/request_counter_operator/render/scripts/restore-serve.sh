#!/bin/bash
# Serves each file of a backup by a server of its own, to this pod alone: shard 0 at the first port, the others at the next.
# Nothing is ever written. When one server ends, all do, and the kubelet starts them again.
set -euo pipefail
trap 'kill $(jobs -p) 2> /dev/null' TERM EXIT
shard=0
while [ -e "$WORK/$shard.rdb" ]; do
  redis-server --port $((FIRST_PORT + shard)) --bind 127.0.0.1 --dir "$WORK" --dbfilename "$shard.rdb" \
    --appendonly no --save "" &
  shard=$((shard + 1))
done
wait -n
