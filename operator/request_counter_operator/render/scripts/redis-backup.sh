#!/bin/bash
# Makes one backup: an RDB file of each shard in a folder named by the time, and in the end the file "complete". Then
# removes what is too much. Files on the volume are written once, from the beginning to the end, and never renamed:
# volumes that are object storage can do no more.
set -euo pipefail
user=$(<"$LOGIN/username")
REDISCLI_AUTH=$(<"$LOGIN/password")
export REDISCLI_AUTH TMPDIR=$WORK
TLS=(${TLS_OPTIONS:-})  # for redis-cli, word by word; nothing without TLS
root=$BACKUPS/$COUNTER
name=$(date -u +%Y%m%dT%H%M%SZ); folder=$root/$name
say() { printf '%s backup: %s\n' "$(date -u +%FT%TZ)" "$*"; }
fail() { say "$*"; exit 1; }
cli() { local server=$1; shift; timeout 5 redis-cli "${TLS[@]}" -h "${server%:*}" -p "${server##*:}" --user "$user" --no-auth-warning --raw "$@"; }
is_complete() { grep -qs '"shards":\[.*\]}$' "$1/complete"; }

# The address that a majority of the sentinels calls primary; empty while there is none.
agreed_primary() {
  local sentinel answer best=""; local -A votes=()
  for sentinel in $SENTINELS; do
    answer=$(REDISCLI_AUTH="" timeout 5 redis-cli "${TLS[@]}" -h "${sentinel%:*}" -p "${sentinel##*:}" --raw \
      sentinel get-master-addr-by-name "$GROUP" 2>/dev/null | paste -sd :) || continue
    [[ $answer =~ ^[0-9a-fA-F.:]+:[0-9]+$ ]] || continue
    votes[$answer]=$((${votes[$answer]:-0} + 1))
    [ "${votes[$answer]}" -lt "$QUORUM" ] || best=$answer
  done
  printf '%s' "$best"
}

# A line for each shard of a cluster, from the first slot on: its primary and its replicas, as the cluster itself tells.
# Source: https://redis.io/docs/latest/commands/cluster-nodes/
cluster_shards() {
  local server nodes
  for server in $SERVERS; do
    nodes=$(cli "$server" cluster nodes) && awk '
      { split($2, at, "@"); address[$1] = at[1] }
      $3 ~ /master/ { for (i = 9; i <= NF; i++) if ($i !~ /^\[/) {
        n = split($i, slot, "-"); covered += slot[n] - slot[1] + 1
        if (!($1 in first) || slot[1] + 0 < first[$1]) first[$1] = slot[1] + 0 } }
      $3 ~ /slave/ && $3 !~ /fail/ { replicas[$4] = replicas[$4] " " at[1] }
      END { if (covered != 16384) exit 1; for (id in first) print first[id], address[id] replicas[id] }
    ' <<< "$nodes" | sort -n | cut -d ' ' -f 2- && return
  done
  return 1
}

# Who to take a shard from, of its primary and others: a server that follows the primary and has all that it had when it
# was asked, so that nothing is missing that was acknowledged before; else the primary itself.
source_of() {
  local primary=$1 said offset server until=$((SECONDS + 10)); shift
  readarray -t said < <(cli "$primary" role)
  [ "${said[0]:-}" = master ] || { say "$primary is no primary: ${said[*]}" >&2; return 1; }
  offset=${said[1]}
  while [ $# -gt 0 ] && [ "$SECONDS" -lt "$until" ]; do
    for server in "$@"; do
      readarray -t said < <(cli "$server" role 2>/dev/null)
      if [ "${said[0]:-}" = slave ] && [ "${said[1]}:${said[2]}" = "$primary" ] && [ "${said[3]}" = connected ] \
        && [ "${said[4]}" -ge "$offset" ]; then printf '%s' "$server"; return; fi
    done
    sleep 0.5
  done
  printf '%s' "$primary"
}

prune() {
  local kept=0 old
  while read -r old; do
    # Incomplete ones that are newer than the newest complete one may be somebody's who is at it.
    if is_complete "$root/$old"; then kept=$((kept + 1)); [ "$kept" -gt "$KEEP" ] || continue
    elif [ "$kept" = 0 ]; then continue
    fi
    say "removes $COUNTER/$old"
    rm -f "$root/$old/complete" && rm -rf "${root:?}/$old"
  done < <(find "$root" -mindepth 1 -maxdepth 1 -name '????????T??????Z' -printf '%f\n' | sort -r)
}

case $MODE in
  Standalone) shards=$SERVERS ;;
  Sentinel) shards="$(agreed_primary) $SERVERS"; [ "${shards:0:1}" != " " ] || fail "no majority of sentinels names a primary" ;;
  Cluster) shards=$(cluster_shards) || fail "no server knows who has each slot" ;;
esac
mkdir -p "$root"
prune
mkdir "$folder"
trap 'is_complete "$folder" || rm -rf "$folder"' EXIT
names=()
while read -r -a servers <&3; do
  shard=${#names[@]}
  server=$(source_of "${servers[@]}") || fail "shard $shard cannot be read"
  say "shard $shard from $server"
  redis-cli "${TLS[@]}" -h "${server%:*}" -p "${server##*:}" --user "$user" --no-auth-warning --rdb "$WORK/$shard.rdb"
  dd if="$WORK/$shard.rdb" of="$folder/$shard.rdb" bs=1M conv=fsync status=none
  rm "$WORK/$shard.rdb"
  redis-check-rdb "$folder/$shard.rdb" | tail -n 3
  names+=("\"$shard\"")
done 3<<< "$shards"
printf '{"counter":"%s","backup":"%s","shards":[%s]}\n' "$COUNTER" "$name" "$(IFS=,; printf '%s' "${names[*]}")" \
  | dd of="$folder/complete" conv=fsync status=none
say "$COUNTER/$name is complete: ${#names[@]} shards"
prune
