#!/bin/bash
# Picks a complete backup of a counter, copies its files to where servers load them from, and tells its name.
# Ends with 3 where there is none: another attempt would find none either.
set -euo pipefail
root=$BACKUPS/$COUNTER

say() { printf '%s restore: %s\n' "$(date -u +%FT%TZ)" "$*"; }
is_complete() { grep -qs '"shards":\[.*\]}$' "$1/complete"; }

picked=""
if [ "$BACKUP" != latest ]; then
  ! is_complete "$root/$BACKUP" || picked=$BACKUP
elif [ -d "$root" ]; then
  while read -r name; do
    if is_complete "$root/$name"; then picked=$name; break; fi
  done < <(find "$root" -mindepth 1 -maxdepth 1 -name '????????T??????Z' -printf '%f\n' | sort -r)
fi
if [ -z "$picked" ]; then
  say "the volume has no complete backup $BACKUP of $COUNTER"
  exit 3
fi
# Of an attempt before, in the same pod.
rm -f "$WORK"/*.rdb "$WORK/backup"
for shard in $(grep -o '"shards":.*' "$root/$picked/complete" | grep -oE '[0-9]+'); do
  say "copies shard $shard of $COUNTER/$picked"
  cp "$root/$picked/$shard.rdb" "$WORK/$shard.rdb"
  redis-check-rdb "$WORK/$shard.rdb" | tail -n 3
done
printf '%s' "$picked" > "$WORK/backup"
printf '%s' "$picked" > "$PICKED"
