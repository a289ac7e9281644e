#!/bin/bash
# Starts a sentinel, which remembers on its volume what it knows. One that knows nothing asks the others, and then the
# servers; only of a group that has never come together does it take the first server for the primary.
set -euo pipefail
. /etc/request-counter/config/common.sh
secrets=/etc/request-counter/sentinel
certificates=/etc/request-counter/tls
conf=/data/sentinel.conf

# The address that another sentinel calls primary; empty when none knows.
primary_by_sentinels() {
  local sentinel answer
  for sentinel in $SENTINELS; do
    [ "$sentinel" != "$HOSTNAME" ] || continue
    answer=$(timeout 2 redis-cli "${TLS[@]}" -h "$sentinel.$NAMESPACE.svc" -p 26379 --raw \
      sentinel get-master-addr-by-name "$GROUP" 2>/dev/null | head -n 1) || continue
    if [[ $answer =~ ^[0-9a-fA-F.:]+$ ]]; then printf '%s' "$answer"; return; fi
  done
}

# The address of the primary with most replicas, by the servers' own words; empty when there is none.
primary_by_servers() {
  local server replication replicas most=-1 best=""
  for server in $SERVERS; do
    replication=$(REDISCLI_AUTH=$(<$secrets/password) timeout 2 redis-cli "${TLS[@]}" \
      -h "$server.$NAMESPACE.svc" --user "$(<$secrets/username)" --no-auth-warning --raw info replication 2>/dev/null | tr -d '\r') || continue
    [[ $replication == *role:master* ]] || continue
    replicas=$(sed -n 's/^connected_slaves://p' <<< "$replication")
    if [ "$replicas" -gt "$most" ]; then most=$replicas; best=$server; fi
  done
  [ -z "$best" ] || address "$best"
}

# Sentinels choose the replica that has most by what each told last, every 10 s. Every second, that is always after the
# death of the primary, which takes them longer to believe; and a primary that has come back as a replica is not taken for
# one that claims to be primary. Source: https://redis.io/docs/latest/commands/sentinel-debug/
look_often() {
  local try
  for try in $(seq 120); do
    log_in_as $secrets
    [ "$(cli -p 26379 sentinel debug info-period 1000)" != OK ] || return
    sleep 0.5
  done
}

until me=$(address "$HOSTNAME"); do say "the Service $HOSTNAME has no address yet"; sleep 1; done
if ! grep -qs "^sentinel monitor $GROUP " $conf; then
  until primary=$(primary_by_sentinels); [ -n "$primary" ] || { primary=$(primary_by_servers); [ -n "$primary" ]; }; do
    if [ "$BOOTSTRAPPED" = no ] && primary=$(address "${SERVERS%% *}"); then break; fi
    say "nobody knows who is primary yet"
    sleep 1
  done
  say "takes $primary for the primary of $GROUP"
  echo "sentinel monitor $GROUP $primary 6379 $QUORUM" > $conf.new
else
  # What may have changed while it was away is written anew; what it has learnt stays.
  grep -vE '^(user|sentinel (announce-|sentinel-(user|pass)|auth-(user|pass)|(down-after|failover-|parallel-)))|^(port|dir|protected-mode|bind|tls-[a-z-]+) ' \
    $conf > $conf.new
fi
user=$(<$secrets/username)
password=$(<$secrets/password)
{
  if [ "${#TLS[@]}" = 0 ]; then echo "port 26379"; else
    printf '%s\n' "port 0" "tls-port 26379" "tls-replication yes" "tls-auth-clients no" \
      "tls-cert-file $certificates/tls.crt" "tls-key-file $certificates/tls.key" "tls-ca-cert-file $certificates/ca.crt"
  fi
  echo "bind * -::*"
  echo "protected-mode no"
  echo "dir /data"
  cat $secrets/users.acl
  echo "sentinel announce-ip $me"
  echo "sentinel announce-port 26379"
  echo "sentinel sentinel-user $user"
  echo "sentinel sentinel-pass $password"
  cat $conf.new
  echo "sentinel auth-user $GROUP $user"
  echo "sentinel auth-pass $GROUP $password"
  echo "sentinel down-after-milliseconds $GROUP $DOWN_AFTER_MS"
  echo "sentinel failover-timeout $GROUP $FAILOVER_TIMEOUT_MS"
  echo "sentinel parallel-syncs $GROUP 1"
} > $conf.full
mv $conf.full $conf
rm -f $conf.new
look_often > /dev/null &
exec redis-sentinel $conf
