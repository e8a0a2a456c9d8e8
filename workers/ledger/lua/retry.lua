-- Makes a leg due now, whether it waits for its next try or is parked: an operator asks for it.
-- A chain of tries that it may have ends by itself: the due time it was given no longer holds.
--
-- KEYS  leg, due, parked, reasons, clock
-- ARGV  tid
-- Returns 1, or 0 if nothing of this tid waits here: nothing was written
local parked = redis.call('ZREM', KEYS[3], ARGV[1]) == 1
if not parked and not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if parked and is_another(KEYS[1]) then redis.call('HDEL', KEYS[4], ARGV[1]) end
local now = clock(KEYS[5])
redis.call('ZADD', KEYS[2], exact(now), ARGV[1])
-- The sweep settles by itself what nobody has tried for long; this was to be tried just now.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.pcall('HSET', KEYS[1], 'next_try_ms', exact(now)) -- pcall: its record may be of another type
end
keep_clock(KEYS[5], now)
return 1
