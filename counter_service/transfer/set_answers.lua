-- Sets answers to idempotency keys, in one shard.
--
-- KEYS: transfer, once, once, ..., in one hash slot. ARGV: the mark it must have, then answer and the time it is
-- forgotten at (Unix time, milliseconds) of each.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('CHANGED another run has taken ' .. KEYS[1] .. ' over')
end
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2 * i - 2], 'PXAT', ARGV[2 * i - 1])
end
