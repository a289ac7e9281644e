#!/bin/bash
# Before a primary is stopped on purpose, hands over to a replica that has all its data; a replica just stops.
# Whatever fails here, the sentinels do a moment later, when the primary is gone.
set -uo pipefail
. /etc/request-counter/config/common.sh
log_in_as /etc/request-counter/replication
LAST_MOMENT_S=15 # of twenty that the kubelet leaves
# What a hook writes nobody reads. What the server writes is the pod's log.
exec > /proc/1/fd/1 2>&1
say() { printf '%s stop: %s\n' "$(date -u +%FT%T.%3NZ)" "$*"; }
ask() { cli -h "$1.$NAMESPACE.svc" -p 26379 sentinel "$2" "$GROUP"; }

# Whether all replicas follow.
is_complete() { [ "$(cli info replication | grep -c 'state=online')" -ge $(($(wc -w <<< "$SERVERS") - 1)) ]; }

# Whether all replicas have received all there is: any of them may be chosen, one as well that has just lost its connection.
# They are asked themselves, because what is known of them here is up to a second old. No new writes come meanwhile.
is_followed() {
  local server offset
  offset=$(cli info replication | tr -d '\r' | sed -n 's/^master_repl_offset://p')
  for server in $SERVERS; do
    [ "$server" != "$HOSTNAME" ] || continue
    [ "$(cli -h "$server.$NAMESPACE.svc" role | sed -n '1p;4p;5p' | paste -sd' ')" = "slave connected $offset" ] || return 1
  done
}

# Whether no sentinel calls this one primary any more, and one calls another. Clients ask any of them, and who would come
# back here would wait in vain. The one that leads the failover knows some time before the others.
is_replaced() {
  local sentinel next known=1
  for sentinel in $SENTINELS; do
    next=$(ask "$sentinel" get-master-addr-by-name | head -n 1)
    [ "$next" != "$me" ] || return 1
    [ -z "$next" ] || known=0
  done
  return $known
}

[ "$(cli role | head -n 1)" = master ] || exit 0
# A replica that is just coming back is waited for, while writes go on.
until is_complete; do
  [ $SECONDS -lt 8 ] || { say "not all replicas are there: leaves it to the sentinels"; exit 0; }
  sleep 0.5
done
me=$(address "$HOSTNAME")
# Writes wait instead of failing, and none can be acknowledged here that the next primary does not have: they wait for
# longer than this server has to live. Where that is in doubt, nobody is asked for a failover: when this one is gone, the
# sentinels take who has most.
[ "$(cli client pause 60000 write)" = OK ] || { say "writes could not be held back: leaves it to the sentinels"; exit 0; }
say "hands over: writes wait"
until_s=$((SECONDS + 3))
until is_followed; do
  [ $SECONDS -lt $until_s ] || { say "not all replicas have all: leaves it to the sentinels"; exit 0; }
  sleep 0.02
done
say "the replicas have all"
leader=""
for sentinel in $SENTINELS; do
  [ "$(ask "$sentinel" failover)" != OK ] || { leader=$sentinel; break; }
done
[ -n "$leader" ] || { say "no sentinel begins a failover"; exit 0; }
say "asked $leader for a failover"
until is_replaced || [ $SECONDS -ge "$LAST_MOMENT_S" ]; do sleep 0.05; done
# Who still waits here asks the sentinels, and finds the next primary.
cli client kill type normal skipme yes > /dev/null
say "sent its clients to the next primary"
