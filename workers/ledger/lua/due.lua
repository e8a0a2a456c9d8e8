-- Takes the legs that are due, for one sweep, and looks the next time after a lease. An entry whose
-- leg is gone is due no more, unless it has a reason: that was parked, and stays listed.
--
-- KEYS  due, reasons, clock
-- ARGV  the most to take, lease_ms, prefix of the legs' keys
-- Returns {clock_ms, new due_ms, then for each leg its tid and when it was to be tried, in ms: at
--   its deadline, or at the time its last try has named; '' if there is no leg any more}
local now = clock(KEYS[3])
local new_due = exact(now + tonumber(ARGV[2]))
local taken = { exact(now), new_due }
for _, tid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', exact(now), 'LIMIT', 0, ARGV[1])) do
  local key = ARGV[3] .. tid
  local expected = ''
  -- A leg and its entry are written by one script, so this one was lost. Only if there is nothing at
  -- all: a settled leg may contradict its verdict, a broken record may be of one that is held.
  if redis.call('EXISTS', key) == 0 and redis.call('HEXISTS', KEYS[2], tid) == 0 then
    redis.call('ZREM', KEYS[1], tid)
  else
    redis.call('ZADD', KEYS[1], new_due, tid)
    -- pcall: a record of another type is one leg's trouble, not the sweep's.
    local leg = redis.pcall('HMGET', key, 'deadline_ms', 'next_try_ms')
    expected = string.match(leg[2] or leg[1] or '', '^%d+$') or '0'
  end
  taken[#taken + 1] = tid
  taken[#taken + 1] = expected
end
keep_clock(KEYS[3], now)
return taken
