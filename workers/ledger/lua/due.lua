-- Takes the legs that are due, for one sweep, and looks the next time after a lease.
--
-- KEYS  due, clock
-- ARGV  the most to take, lease_ms, prefix of the legs' keys
-- Returns {clock_ms, new due_ms, then for each leg its tid and when it was to be tried, in ms: at
--   its deadline, or at the time its last try has named}
local now = clock(KEYS[2])
local new_due = exact(now + tonumber(ARGV[2]))
local taken = { exact(now), new_due }
for _, tid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', exact(now), 'LIMIT', 0, ARGV[1])) do
  redis.call('ZADD', KEYS[1], new_due, tid)
  -- pcall: a record of another type is one leg's trouble, not the sweep's.
  local leg = redis.pcall('HMGET', ARGV[3] .. tid, 'deadline_ms', 'next_try_ms')
  taken[#taken + 1] = tid
  taken[#taken + 1] = leg[2] or leg[1] or '0'
end
keep_clock(KEYS[2], now)
return taken
