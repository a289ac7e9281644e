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

# Whether a majority of the sentinels has heard of this server since it was started, and none has it replaced just now. The
# one that leads a failover tells nobody before it is done. Who is started meanwhile, and counts with the receipt of a
# replica that is about to be sent to the next primary, loses what it counts.
is_confirmed() {
  local sentinel answer asked_ms heard_ms agreed=0
  for sentinel in $SENTINELS; do
    asked_ms=$(now_ms)
    answer=$(cli -h "$sentinel.$NAMESPACE.svc" -p 26379 sentinel master "$GROUP" | paste -sd' ')
    [ -n "$answer" ] || continue
    [[ $answer == *" ip $me "* && $answer != *failover_in_progress* ]] || return 1
    heard_ms=$(sed -n 's/.* last-ok-ping-reply \([0-9]*\) .*/\1/p' <<< "$answer")
    [[ $answer != *" flags master "* || $heard_ms -gt $((asked_ms - began_ms)) ]] || agreed=$((agreed + 1))
  done
  [ "$agreed" -ge "$QUORUM" ]
}

# A Redis Cluster does the same by itself: CLUSTER_WRITABLE_DELAY in
# https://github.com/redis/redis/blob/8.0/src/cluster_legacy.c
take_writes() {
  local least
  until [[ $(role) == slave* ]] || is_confirmed; do
    sleep 0.2
    log_in_as $secrets
  done
  least=$(sed -n 's/^min-replicas-to-write //p' /etc/request-counter/config/redis.conf)
  until [ "$(cli config set min-replicas-to-write "${least:-0}")" = OK ]; do sleep 0.2; done
  say "takes writes, if it is the primary"
}

began_ms=$(now_ms)
log_in_as $secrets
become_eligible > /dev/null &
! grep -q '^min-replicas-to-write' /data/redis.conf || take_writes
wait
