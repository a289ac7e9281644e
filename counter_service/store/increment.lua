-- Applies one batch of one writer to one shard of a counter, exactly once. See base.py for the contract, redis.py for
-- the caller.
--
-- KEYS: counts (hash path -> count), total, writer (string "<sequence> <reply>"), all in one hash slot. ARGV:
-- sequence, max_paths, writer_expiry_s, then path, amount, path, amount, ... Returns one count for each path,
-- separated by spaces, "-" for a path refused as one too many: a string, because a table of numbers could not be kept
-- for a repeat without converting it. Lua's numbers are doubles: counts are exact up to 2^53. Arguments are never
-- unpacked onto Lua's stack (it takes about 8,000), so only the caller's bounds limit a batch.
local counts, total, writer = KEYS[1], KEYS[2], KEYS[3]
local sequence, max_paths, writer_expiry_s = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local last, reply = string.match(redis.call('GET', writer) or '', '^(%d+) (.*)$')
if last and sequence < tonumber(last) then
  return redis.error_reply('STALE batch ' .. ARGV[1] .. ' comes after batch ' .. last)
end
if last and sequence == tonumber(last) then
  if reply == '' then
    return redis.error_reply('UNFINISHED batch ' .. ARGV[1] .. ' failed half way and must not be applied again')
  end
  -- A repeat must write too: WAITAOF waits for this connection's own last write, and the first attempt came over
  -- another one.
  redis.call('EXPIRE', writer, writer_expiry_s)
  return reply
end

-- First claim the number, then apply: Redis does not roll back a script that fails half way (a key of a wrong type, a
-- command the ACL forbids), and such a batch must not be applied twice.
redis.call('SET', writer, ARGV[1] .. ' ', 'EX', writer_expiry_s)
local answers, added = {}, 0
for i = 4, #ARGV, 2 do
  local path, amount = ARGV[i], tonumber(ARGV[i + 1])
  local count = redis.call('HINCRBY', counts, path, ARGV[i + 1])
  if count == amount and redis.call('HLEN', counts) > max_paths then
    redis.call('HDEL', counts, path)
    answers[#answers + 1] = '-'
  else
    answers[#answers + 1] = string.format('%.0f', count)
    added = added + amount
  end
end
if added > 0 then
  redis.call('INCRBY', total, string.format('%.0f', added))
end
reply = table.concat(answers, ' ')
redis.call('SET', writer, ARGV[1] .. ' ' .. reply, 'EX', writer_expiry_s)
return reply
