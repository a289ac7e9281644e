#!/bin/bash
# Before a primary is stopped on purpose, has a replica of its shard take over, which loses nothing: the primary lets
# writes wait until the replica has all. A replica just stops. Whatever fails here, the others do when it is gone.
set -uo pipefail
. /etc/request-counter/config/common.sh
log_in_as /etc/request-counter/replication

is_primary() { [ "$(cli role | head -n 1)" = master ]; }
is_followed() { cli info replication | grep -q 'state=online'; }

is_primary && is_followed || exit 0
for number in $(seq 0 $((SERVERS_PER_SHARD - 1))); do
  replica=${HOSTNAME%-*}-$number
  [ "$replica" != "$HOSTNAME" ] || continue
  [ "$(cli -h "$replica.$NAMESPACE.svc" role | sed -n '1p;4p' | paste -sd' ')" = "slave connected" ] || continue
  [ "$(cli -h "$replica.$NAMESPACE.svc" cluster failover)" = OK ] || continue
  for _ in $(seq 60); do
    is_primary || exit 0
    sleep 0.1
  done
done
