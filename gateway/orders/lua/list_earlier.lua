-- Puts some orders of an earlier database, which had no lists, into those of their users. When the
-- last step has come round, all orders are listed.
--
-- KEYS  the numbers of the lists, whether all orders are listed
-- ARGV  prefix of the orders' keys, of the users' lists, cursor ('0' to begin), count (keys to look at),
--       the run of the server in which it began, or ''
-- Returns {next cursor ('0': done), run of the server, how many were put in}. A cursor is worth nothing
--   after a restart: then this begins anew
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local cursor, put_in = ARGV[5] == run and ARGV[3] or '0', 0
local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1] .. '*', 'COUNT', ARGV[4])
for _, key in ipairs(found[2]) do
  local id, user = string.sub(key, #ARGV[1] + 1), redis.call('HGET', key, 'user')
  if user and not redis.call('ZSCORE', ARGV[2] .. user, id) then
    redis.call('ZADD', ARGV[2] .. user, exact(redis.call('INCR', KEYS[1])), id)
    put_in = put_in + 1
  end
end
if found[1] == '0' then redis.call('SET', KEYS[2], 1) end
return { found[1], run, exact(put_in) }
