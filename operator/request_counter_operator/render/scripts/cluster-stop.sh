#!/bin/bash
# Before a primary is stopped on purpose, has a replica of its shard take over, which loses nothing: the primary lets
# writes wait until the replica has all. A replica just stops. Whatever fails here, the others do when it is gone.
set -uo pipefail
. /etc/request-counter/config/common.sh
log_in_as /etc/request-counter/replication
# What a hook writes nobody reads. What the server writes is the pod's log.
exec > /proc/1/fd/1 2>&1
say() { printf '%s stop: %s\n' "$(date -u +%FT%T.%3NZ)" "$*"; }

# For how long to look for a replica that will be elected. Until then nothing is different for anybody.
PATIENCE_S=8

is_primary() { [ "$(cli role | head -n 1)" = master ]; }
is_followed() { cli info replication | grep -q 'state=online'; }

# The replicas of this shard that have their data from here.
followers() {
  local number replica
  for number in $(seq 0 $((SERVERS_PER_SHARD - 1))); do
    replica=${HOSTNAME%-*}-$number
    [ "$replica" != "$HOSTNAME" ] || continue
    [ "$(cli -h "$replica.$NAMESPACE.svc" role | sed -n '1p;4p' | paste -sd' ')" = "slave connected" ] && echo "$replica"
  done
}

# A figure of a server, in whole numbers.
figure() { cli -h "$1.$NAMESPACE.svc" info server | sed -n "s/^$2:\([0-9]*\).*/\1/p"; }

# When a server ($1) made the connection on which it talks to another one ($2, by its id), in ms; nothing while it has none.
connected_at() {
  cli -h "$1.$NAMESPACE.svc" cluster links | awk -v id="$2" '
    $0 == "direction" { getline; is_to = $0 == "to" }
    $0 == "node" { getline; is_it = $0 == id }
    $0 == "create-time" { getline; created = $0 }
    $0 == "events" { getline; if (is_to && is_it && /r/) print created }'
}

# Whether most primaries reach a replica. One that was started a moment ago they may take for reached, on a connection to
# the pod before it; their votes are lost then, and it is 8 s until they vote for anybody of this shard again.
is_reached() {
  local replica=$1 nodes id up_s primary now_us created_ms primaries=0 reached=0
  nodes=$(cli cluster nodes)
  id=$(awk -v name="$replica" '{ split($2, where, ",") } where[2] == name { print $1 }' <<< "$nodes")
  up_s=$(figure "$replica" uptime_in_seconds)
  [ -n "$id" ] && [ -n "$up_s" ] || return 1
  for primary in $(awk '{ split($2, where, ",") } $3 ~ /master/ && $9 ~ /^[0-9]/ { print where[2] }' <<< "$nodes"); do
    primaries=$((primaries + 1))
    now_us=$(figure "$primary" server_time_usec) && created_ms=$(connected_at "$primary" "$id") || continue
    [ -n "$now_us" ] && [ -n "$created_ms" ] || continue
    [ $((now_us / 1000 - created_ms)) -gt $((up_s * 1000)) ] || reached=$((reached + 1))
  done
  [ $((2 * reached)) -gt "$primaries" ]
}

hand_over_to() {
  [ "$(cli -h "$1.$NAMESPACE.svc" cluster failover)" = OK ] || return 1
  for _ in $(seq 60); do
    is_primary || { say "$1 has taken over"; return 0; }
    sleep 0.1
  done
  say "$1 was not elected"
  return 1
}

is_primary && is_followed || exit 0
say "looks for a replica to take over"
while [ $SECONDS -lt $PATIENCE_S ]; do
  for replica in $(followers); do
    ! is_reached "$replica" || { hand_over_to "$replica"; exit 0; }
  done
  sleep 0.2
done
for replica in $(followers); do
  say "no replica is reached by most primaries: tries $replica all the same"
  hand_over_to "$replica"
  exit 0
done
