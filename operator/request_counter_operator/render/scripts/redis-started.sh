#!/bin/bash
# What a server of a Sentinel group may not do from its first moment on: to be chosen as the next primary and, as a primary
# that is back, to take writes. Runs beside the server; $1 is the server's own address.
set -uo pipefail
. /etc/request-counter/config/common.sh
me=$1
secrets=/etc/request-counter/replication

now_ms() { date +%s%3N; }
role() { cli role | sed -n '1p;4p' | paste -sd' '; }

# How much of the counts a server has that was just started, nobody can tell: what it knows of that is as old as its last
# full copy. Where all are started anew, it may lack what another one has. So the sentinels may not choose it before it
# has followed a primary, or none has come back for ten minutes.
become_eligible() {
  until [[ $(role) =~ ^(master|slave connected) ]] || [ "$SECONDS" -gt 600 ]; do
    sleep 0.5
    log_in_as $secrets
  done
  until [ "$(cli config set replica-priority 100)" = OK ]; do sleep 0.5; done
}

# Whom a majority of the sentinels calls primary, as far as that is settled; empty while it is not. To be primary oneself,
# they must have heard of this server since it was started, nobody may name another, and no failover be under way: whoever
# leads one tells nobody before it is done. Who counts meanwhile, with the receipt of a replica that is about to be sent to
# the next primary, loses what it counts.
settled_primary() {
  local sentinel answer asked_ms heard_ms who
  local -A votes=()
  for sentinel in $SENTINELS; do
    asked_ms=$(now_ms)
    answer=$(cli -h "$sentinel.$NAMESPACE.svc" -p 26379 sentinel master "$GROUP" | paste -sd' ')
    [[ $answer =~ \ ip\ ([0-9a-fA-F.:]+)\  ]] || continue
    who=${BASH_REMATCH[1]}
    if [ "$who" = "$me" ]; then
      [[ $answer != *failover_in_progress* ]] || return
      [[ $answer =~ \ last-ok-ping-reply\ ([0-9]+)\  ]] && heard_ms=${BASH_REMATCH[1]} || continue
      [[ $answer == *" flags master "* && $heard_ms -lt $((asked_ms - began_ms)) ]] || continue
    fi
    votes[$who]=$((${votes[$who]:-0} + 1))
  done
  for who in "${!votes[@]}"; do
    [ "$who" != "$me" ] || [ "${#votes[@]}" = 1 ] || continue
    [ "${votes[$who]}" -lt "$QUORUM" ] || printf '%s' "$who"
  done
}

# A Redis Cluster waits by itself: CLUSTER_WRITABLE_DELAY in https://github.com/redis/redis/blob/8.0/src/cluster_legacy.c
take_writes() {
  local primary least
  until primary=$(settled_primary); [ "$primary" = "$me" ]; do
    if [ -n "$primary" ] && [ "$(cli replicaof "$primary" 6379)" = OK ]; then
      say "as a replica of $primary, who has taken over"
      break
    fi
    sleep 0.2
    log_in_as $secrets
  done
  least=$(sed -n 's/^min-replicas-to-write //p' /etc/request-counter/config/redis.conf)
  until [ "$(cli config set min-replicas-to-write "${least:-0}")" = OK ]; do sleep 0.2; done
  [ "$primary" != "$me" ] || say "takes writes"
}

began_ms=$(now_ms)
log_in_as $secrets
become_eligible > /dev/null &
! grep -q '^min-replicas-to-write' /data/redis.conf || take_writes
wait
