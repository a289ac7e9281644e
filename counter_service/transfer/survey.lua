-- Tells what one shard holds.
--
-- KEYS: counts, total, transfer, in one hash slot. Returns: number of paths, sum of their counts, mark.
return {
  redis.call('HLEN', KEYS[1]),
  redis.call('GET', KEYS[2]) or '0',
  redis.call('GET', KEYS[3]) or ''
}
