# What the scripts of servers and sentinels share. To be sourced.
. /etc/request-counter/config/topology.sh

# What redis-cli needs to speak TLS, word by word; nothing where there is none.
TLS=(${TLS_OPTIONS:-})

say() { printf '%s start: %s\n' "$(date -u +%FT%TZ)" "$*"; }

# The address of a pod's own Service, which stays when the pod does not.
address() { local found; found=$(getent hosts "$1.$NAMESPACE.svc") && printf '%s' "${found%% *}"; }

# Has redis-cli log in as the user in this folder of a Secret; the password is on no command line.
log_in_as() {
  user=$(<"$1/username")
  REDISCLI_AUTH=$(<"$1/password")
  export REDISCLI_AUTH
}

cli() { timeout 2 redis-cli "${TLS[@]}" --user "$user" --no-auth-warning --raw "$@" 2>/dev/null; }

# Keeps the volume for this pod alone, until its server ends. A pod that was deleted by force may still run, and count, when
# the next one starts.
own_volume() {
  exec 9> /data/lock
  flock --nonblock 9 || { say "the pod before it still has the volume: waits for its end"; flock 9; }
}
