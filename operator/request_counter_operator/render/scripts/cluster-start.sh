#!/bin/bash
# Starts a server of a Redis Cluster under the address of its own Service. What it is there, primary or replica and with
# which slots, it remembers on its volume; one that remembers nothing belongs nowhere until the operator has it join.
set -euo pipefail
. /etc/request-counter/config/common.sh
log_in_as /etc/request-counter/replication
own_volume

# What a server says of the primary that was known by this pod's name: "slots" when it still has some, "followed" when a
# replica is there to take them over besides. Lines: id address,name flags primary ping pong epoch link slots...
told_by() {
  cli -h "$1.$NAMESPACE.svc" -e cluster nodes |
    awk -v name="$HOSTNAME" '
      { split($2, where, ","); lines++ }
      where[2] == name && $3 ~ /master/ && $9 ~ /^[0-9]/ { had[$1] = 1 }
      $3 ~ /slave/ && $3 !~ /fail/ && $8 == "connected" { follows[$4] = 1 }
      END {
        if (!lines) exit 1
        for (id in had) { print "slots"; if (id in follows) print "followed" }
      }'
}

# Whether to start without data would be to lose some: replicas find their primary by its address, whoever is there, and
# would throw away what they have for what an empty one has. While nobody is there, they take over.
is_awaited() {
  local server answer answers=0 said=""
  for server in $SERVERS; do
    [ "$server" != "$HOSTNAME" ] || continue
    if answer=$(told_by "$server"); then answers=$((answers + 1)); said+=$answer; fi
  done
  if [ "$answers" = 0 ]; then [ "$BOOTSTRAPPED" = yes ]
  elif [ "$KEPT" = yes ]; then [[ $said == *slots* ]]
  else [[ $said == *followed* ]]
  fi
}

# Who has lost the data must not come back as who had it.
if [ -z "$(ls -A /data/appendonlydir 2>/dev/null)" ]; then
  rm -f /data/nodes.conf
  told=""
  while is_awaited; do
    [ -n "$told" ] || say "its volume is empty and others have its data: waits until one of them has taken over"
    told=yes
    sleep 0.5
  done
fi
until me=$(address "$HOSTNAME"); do say "the Service $HOSTNAME has no address yet"; sleep 1; done
{
  echo "include /etc/request-counter/config/redis.conf"
  echo "cluster-announce-ip $me"
  echo "cluster-announce-port 6379"
  echo "cluster-announce-bus-port 16379"
  # Tells who somebody is, or was who is gone.
  echo "cluster-announce-hostname $HOSTNAME"
  echo "masteruser $user"
  echo "masterauth $REDISCLI_AUTH"
} > /data/redis.conf
unset REDISCLI_AUTH
say "known as $me"
exec redis-server /data/redis.conf
