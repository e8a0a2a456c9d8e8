-- Makes parked legs due again, the longest parked first. Their reasons stay until they settle.
--
-- KEYS  parked, due, clock
-- ARGV  the most to take
-- Returns how many
local now = clock(KEYS[3])
local tids = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
for _, tid in ipairs(tids) do
  redis.call('ZADD', KEYS[2], exact(now), tid)
  redis.call('ZREM', KEYS[1], tid)
end
keep_clock(KEYS[3], now)
return #tids
