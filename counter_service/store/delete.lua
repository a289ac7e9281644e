-- Forgets one path. See base.py for the contract, redis_store.py for the caller.
--
-- KEYS: counts, total, in one hash slot. ARGV: path. Returns the count that the path had, "0" when it had none. Writes in
-- any case: a repeat waits for the disk like the first attempt (see increment.lua).
local count = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DECRBY', KEYS[2], count)
return count
