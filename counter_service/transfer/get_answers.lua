-- Reads answers to idempotency keys, of one shard.
--
-- KEYS: once, once, ..., in one hash slot. Returns: answer and the time it is forgotten at (Unix time, milliseconds) of
-- each, or '' and a negative number for one that is forgotten already.
local answers = {}
for _, key in ipairs(KEYS) do
  answers[#answers + 1] = redis.call('GET', key) or ''
  answers[#answers + 1] = redis.call('PEXPIRETIME', key)
end
return answers
