#!/bin/bash
# Starts a Redis of a Sentinel group as what the sentinels say it is, and never as a primary that has lost its data.
# Nobody else decides who is primary: not this script, not the operator.
set -euo pipefail
. /etc/request-counter/config/common.sh
log_in_as /etc/request-counter/replication
own_volume
NO_WRITES=1000 # replicas that would have to be there for one

# The address that a majority of the sentinels calls primary; empty while there is none.
agreed_primary() {
  local sentinel answer best=""
  local -A votes=()
  for sentinel in $SENTINELS; do
    answer=$(REDISCLI_AUTH="" timeout 2 redis-cli "${TLS[@]}" -h "$sentinel.$NAMESPACE.svc" -p 26379 --raw \
      sentinel get-master-addr-by-name "$GROUP" 2>/dev/null | head -n 1) || continue
    [[ $answer =~ ^[0-9a-fA-F.:]+$ ]] || continue
    votes[$answer]=$((${votes[$answer]:-0} + 1))
    [ "${votes[$answer]}" -lt "$QUORUM" ] || best=$answer
  done
  printf '%s' "$best"
}

# Whether this volume has been used before.
has_data() { [ -n "$(ls -A /data/appendonlydir 2>/dev/null)" ]; }

# Whether to start without data would be to lose some: another server has data, or could have.
others_may_have_data() {
  local server answer
  for server in $SERVERS; do
    [ "$server" != "$HOSTNAME" ] || continue
    if answer=$(cli -h "$server.$NAMESPACE.svc" info keyspace) \
      && [[ $answer == *Keyspace* ]]; then
      [[ $answer != *keys=* ]] || return 0
    elif [ "$BOOTSTRAPPED" = yes ]; then
      return 0
    fi
  done
  return 1
}

until me=$(address "$HOSTNAME"); do say "the Service $HOSTNAME has no address yet"; sleep 1; done
told=""
while :; do
  primary=$(agreed_primary)
  if [ -z "$primary" ]; then why="no majority of the sentinels names a primary yet"
  elif [ "$primary" != "$me" ] || has_data || ! others_may_have_data; then break
  else why="the sentinels call this one primary, but its volume is empty and another has data: waits for the failover"
  fi
  [ "$why" = "$told" ] || say "$why"
  told=$why
  sleep 0.5
done

{
  echo "include /etc/request-counter/config/redis.conf"
  echo "replica-announce-ip $me"
  echo "replica-announce-port 6379"
  echo "replica-priority 0"
  echo "masteruser $user"
  echo "masterauth $REDISCLI_AUTH"
  [ "$primary" = "$me" ] || echo "replicaof $primary 6379"
} > /data/redis.conf
if [ "$primary" = "$me" ] && has_data; then echo "min-replicas-to-write $NO_WRITES" >> /data/redis.conf; fi
bash /etc/request-counter/config/redis-started.sh "$me" &
unset REDISCLI_AUTH
if [ "$primary" = "$me" ]; then say "as the primary, $me"; else say "as a replica of $primary, known as $me"; fi
exec redis-server /data/redis.conf
