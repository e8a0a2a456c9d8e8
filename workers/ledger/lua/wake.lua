-- Makes legs that wait for the order store due now. Their old tries end by themselves: the due
-- time they were given no longer holds.
--
-- KEYS  waiting, due, clock
-- ARGV  the most to wake
-- Returns how many were woken
local now = clock(KEYS[3])
local tids = redis.call('SPOP', KEYS[1], ARGV[1])
for _, tid in ipairs(tids) do
  redis.call('ZADD', KEYS[2], 'XX', exact(now), tid)
end
keep_clock(KEYS[3], now)
return #tids
