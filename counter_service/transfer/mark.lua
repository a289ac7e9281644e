-- Replaces one shard's mark, if the shard is still as it was seen.
--
-- KEYS: counts, total, transfer, in one hash slot. ARGV: the mark it has, the mark to have, the number of paths and the
-- total it has, whether to forget its counts ("1"). A repeat finds the new mark, and writes it once more: WAIT and
-- WAITAOF wait for this connection's own last write (see increment.lua).
local mark = redis.call('GET', KEYS[3]) or ''
if mark ~= ARGV[2] then
  local paths, total = redis.call('HLEN', KEYS[1]), redis.call('GET', KEYS[2]) or '0'
  if mark ~= ARGV[1] or paths ~= tonumber(ARGV[3]) or total ~= ARGV[4] then
    return redis.error_reply('CHANGED somebody else writes to ' .. KEYS[1])
  end
  if ARGV[5] == '1' then
    -- Deletes, with a command that the service's user has the right to: https://redis.io/docs/latest/commands/expire/
    redis.call('EXPIRE', KEYS[1], 0)
    redis.call('EXPIRE', KEYS[2], 0)
  end
end
redis.call('SET', KEYS[3], ARGV[2])
