#!/bin/bash
# Starts a server of a Redis Cluster under the address of its own Service. What it is there, primary or replica and with
# which slots, it remembers on its volume; one that remembers nothing belongs nowhere until the operator has it join.
set -euo pipefail
. /etc/request-counter/config/topology.sh
user=$(</etc/request-counter/replication/username)
password=$(</etc/request-counter/replication/password)

say() { printf '%s start: %s\n' "$(date -u +%FT%TZ)" "$*"; }
# The address of a pod's own Service, which stays when the pod does not.
address() { local found; found=$(getent hosts "$1.$NAMESPACE.svc") && printf '%s' "${found%% *}"; }

# Who has lost the data must not come back as who had it: as a primary without counts it would be followed.
if [ -e /data/nodes.conf ] && [ -z "$(ls -A /data/appendonlydir 2>/dev/null)" ]; then
  say "has no data any more, and so comes back as somebody else"
  rm /data/nodes.conf
fi
until me=$(address "$HOSTNAME"); do say "the Service $HOSTNAME has no address yet"; sleep 1; done
{
  echo "include /etc/request-counter/config/redis.conf"
  echo "cluster-announce-ip $me"
  echo "cluster-announce-port 6379"
  echo "cluster-announce-bus-port 16379"
  # Tells the operator which pod somebody is, or was who is gone.
  echo "cluster-announce-hostname $HOSTNAME"
  echo "masteruser $user"
  echo "masterauth $password"
} > /data/redis.conf
say "known as $me"
exec redis-server /data/redis.conf
