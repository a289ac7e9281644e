-- Sets the counts of some paths of one shard, and keeps its total right. Setting them again changes nothing.
--
-- KEYS: counts, total, transfer, in one hash slot. ARGV: the mark it must have, the sum of the counts, then path, count,
-- path, count, ... Counts stay text: Lua's numbers are exact up to 2^53 only. With the commands that the service's user
-- has the right to, so without HSET.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then
  return redis.error_reply('CHANGED another run has taken ' .. KEYS[1] .. ' over')
end
redis.call('INCRBY', KEYS[2], ARGV[2])
for i = 3, #ARGV, 2 do
  local path, count = ARGV[i], ARGV[i + 1]
  local before = redis.call('HGET', KEYS[1], path)
  if before then
    redis.call('DECRBY', KEYS[2], before)
  end
  if before ~= count then
    redis.call('HDEL', KEYS[1], path)
    redis.call('HINCRBY', KEYS[1], path, count)
  end
end
