-- Counts one request under a client's idempotency key. See base.py for the contract, redis_store.py for the caller.
--
-- KEYS: counts, total, once (string: the first answer), all in one hash slot. ARGV: path, max_paths, expiry_s. Returns
-- the path's count, or "-" for a path refused as one too many, which is not remembered: a later try may find room.
local known = redis.call('GET', KEYS[3])
if known then
  -- A repeat must write too, see increment.lua.
  redis.call('SET', KEYS[3], known, 'KEEPTTL')
  return known
end
local count = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
if count == 1 and redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return '-'
end
redis.call('INCR', KEYS[2])
local answer = string.format('%.0f', count)
redis.call('SET', KEYS[3], answer, 'EX', ARGV[3])
return answer
