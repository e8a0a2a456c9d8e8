-- Makes parked legs due again, the longest parked first. Their reasons stay until they settle.
--
-- KEYS  parked, due, reasons, clock
-- ARGV  the most to take, prefix of the legs' keys
-- Returns how many
local now = clock(KEYS[4])
local tids = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
for _, tid in ipairs(tids) do
  redis.call('ZADD', KEYS[2], exact(now), tid)
  redis.call('ZREM', KEYS[1], tid)
  if is_another(ARGV[2] .. tid) then redis.call('HDEL', KEYS[3], tid) end
end
keep_clock(KEYS[4], now)
return #tids
